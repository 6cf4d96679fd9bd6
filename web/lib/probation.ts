import type { types } from 'mediasoup-client';

const DELAY = 2000;

/**
 * A handler factory whose handlers put RTP probation off. mediasoup-client
 * negotiates a second time for it, right when ICE and DTLS begin, which costs
 * the first frame some 40 ms; the server only probes once a path is up.
 */
export function withLateProbation(factory: types.HandlerFactory['factory']): types.HandlerFactory['factory'] {
  return (options) => {
    const handler = factory(options);
    const receive = handler.receive.bind(handler);
    handler.receive = async (list) => {
      const probation = list.every(({ trackId }) => trackId === 'probator');
      if (probation) await new Promise((resolve) => setTimeout(resolve, DELAY));
      return receive(list);
    };
    return handler;
  };
}
