import type { types } from 'mediasoup';

/** A stream's producers carried from its home router to another worker's, over loopback. */
export type Pipe = {
  /** As the other router has them, under the same ids. */
  readonly producers: readonly types.Producer[];
  close(): void;
};

export type PipeOptions = {
  from: types.Router;
  to: types.Router;
  producers: readonly types.Producer[];
  /** Requests that cross the pipe within this time become one, in ms. */
  keyFrameRequestDelay: number;
  /** Once, whoever closed it: its owner, or a worker's death. */
  onClose: () => void;
};

/** A key frame comes in one burst, and the other worker may be busy for a moment. Linux may give less. */
const SOCKET_BUFFER = 4 << 20;

/**
 * Not mediasoup's `pipeToRouter`: there all streams share one pair of transports and its socket
 * buffers, for good, and a pair that could not be made once is never tried again (3.27).
 * @throws Error if a router or a producer is gone.
 */
export async function openPipe(options: PipeOptions): Promise<Pipe> {
  const { from, to, producers, keyFrameRequestDelay, onClose } = options;
  const ends = await Promise.allSettled([createEnd(from), createEnd(to)]);
  const transports = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  const close = () => {
    for (const transport of transports) transport.close();
  };
  try {
    const [near, far] = transports;
    if (!near || !far) throw ends.find((end) => end.status === 'rejected')?.reason;
    await Promise.all([connect(near, far), connect(far, near)]);
    const carried = await Promise.all(
      producers.map((producer) => carry(producer, near, far, keyFrameRequestDelay)),
    );
    if (near.closed || far.closed) throw new Error('a worker died meanwhile');
    // Either end goes when its worker does; half a pipe is none.
    near.observer.once('close', close);
    far.observer.once('close', close);
    far.observer.once('close', onClose);
    return { producers: carried, close };
  } catch (error) {
    close();
    throw error;
  }
}

function createEnd(router: types.Router): Promise<types.PipeTransport> {
  return router.createPipeTransport({
    listenInfo: {
      protocol: 'udp',
      ip: '127.0.0.1',
      sendBufferSize: SOCKET_BUFFER,
      recvBufferSize: SOCKET_BUFFER,
    },
    enableRtx: true,
    enableSctp: false,
  });
}

function connect(end: types.PipeTransport, other: types.PipeTransport): Promise<void> {
  return end.connect({ ip: other.tuple.localAddress, port: other.tuple.localPort });
}

async function carry(
  producer: types.Producer,
  near: types.PipeTransport,
  far: types.PipeTransport,
  keyFrameRequestDelay: number,
): Promise<types.Producer> {
  const { kind, rtpParameters } = await near.consume({ producerId: producer.id });
  return far.produce({ id: producer.id, kind, rtpParameters, keyFrameRequestDelay });
}
