/** A TCP proxy between browser and server, whose connections a test can cut, and lead elsewhere. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type TcpProxy = {
  readonly port: number;
  readonly url: string;
  /** Breaks every connection (RST, nothing is said) and refuses new ones until `mend()`. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
};

/** `target` says, for each new connection, on which port of this machine it ends; undefined refuses it. */
export async function startTcpProxy(
  target: () => number | undefined | Promise<number | undefined>,
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let broken = false;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    // Whatever happens to one end is told to the other by 'close'.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, async (near) => {
    keep(near);
    if (broken) return void near.resetAndDestroy();
    const port = await target();
    if (port === undefined || broken || near.destroyed) return void near.resetAndDestroy();
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    keep(far);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const breakAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    cut: () => {
      broken = true;
      breakAll();
    },
    mend: () => {
      broken = false;
    },
    close: async () => {
      broken = true;
      breakAll();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
