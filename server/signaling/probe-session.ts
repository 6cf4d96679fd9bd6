import { PharosError } from '../base/errors.ts';
import type { AnswerOf } from '../protocol/messages.ts';
import type { Held } from '../streams/context.ts';
import { PROBE_MS } from '../streams/probe.ts';
import type { Registry } from '../streams/registry.ts';
import type { Activity, Start } from './session.ts';

/** A client that tries its way to the media port, before it publishes. */
export function probing({
  registry,
  ...by
}: Pick<Held, 'limits' | 'onGrantEnd'> & { registry: Registry }): Start<
  Omit<AnswerOf<'probe'>, 'session' | 'grace'>
> {
  return async ({ send }) => {
    const probe = await registry.probe(by);
    probe.on('ended', (reason) => send({ type: 'ended', reason, waiting: false }));
    probe.holdGrant();
    const refuse = () => {
      throw new PharosError('wrong_order', 'a probe has nothing but its transport; send stop first');
    };
    const activity: Activity = {
      kind: 'probe',
      get ended() {
        return probe.closed;
      },
      viewers: 0,
      async connect({ dtlsParameters }) {
        await probe.connect(dtlsParameters);
        return {};
      },
      produce: async () => refuse(),
      restartIce: async () => refuse(),
      prefer: async () => refuse(),
      title: refuse,
      sending: refuse,
      receiving: refuse,
      firstFrame: refuse,
      stop: () => probe.close(),
      left: () => probe.close(),
    };
    const { transportParameters: transport, sctpParameters, bitrate } = probe;
    return { activity, answer: { transport, sctpParameters, bitrate, milliseconds: PROBE_MS } };
  };
}
