/** Those who come and go in the soak: publishers of one and the same file, and viewers by either protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { RtpSource } from './rtp-source.ts';
import { ViewerStats } from './viewer-stats.ts';
import { WhepClient } from './whep-client.ts';
import { WhipClient } from './whip-client.ts';
import { WsViewer } from './ws-viewer.ts';

export type SoakPublisher = {
  readonly stream: string;
  readonly since: number;
  /** Its connection was lost, by no doing of its own. */
  readonly lost: boolean;
  readonly client: WhipClient;
};

export async function publish(server: URL, stream: string, source: RtpSource): Promise<SoakPublisher> {
  let lost = false;
  const client = new WhipClient({
    url: new URL(`whip/${stream}`, server),
    tracks: source.tracks,
    onLost: () => {
      lost = true;
    },
  });
  await client.connect();
  return {
    stream,
    since: performance.now(),
    client,
    get lost() {
      return lost;
    },
  };
}

export type SoakViewer = {
  readonly stream: string;
  readonly by: 'whep' | 'ws';
  readonly stats: ViewerStats;
  /** Since when media can come, by performance.now(); undefined while it waits. */
  readonly since: number | undefined;
  /** Why it is over, by no doing of its own. */
  readonly ended: string | undefined;
  /** Only for `ws`: its socket is torn. */
  cut(): void;
  close(): Promise<void>;
};

export async function watchByWhep(server: URL, stream: string): Promise<SoakViewer> {
  const stats = new ViewerStats();
  let ended: string | undefined;
  const client = new WhepClient({
    url: new URL(`whep/${stream}`, server),
    onPacket: (kind, packet) => stats.add(kind, packet, performance.now()),
    onLost: (reason) => {
      ended ??= reason;
    },
  });
  await client.connect();
  const since = performance.now();
  return {
    ...{ stream, by: 'whep' as const, stats, since },
    get ended() {
      return ended;
    },
    cut: () => {},
    close: () => client.close(),
  };
}

/** By way of `wires`, which can be torn. It may wait for a stream that is not live. */
export async function watchByWs(wires: Wires, stream: string): Promise<SoakViewer> {
  const stats = new ViewerStats();
  let ended: string | undefined;
  let since: number | undefined;
  let waiting = false;
  const wire = wires.expect();
  const client: WsViewer = new WsViewer({
    url: wires.url,
    stream,
    onPacket: (kind, packet) => stats.add(kind, packet, performance.now()),
    onLive: () => {
      waiting = false;
      since = performance.now();
    },
    onEnded: (reason) => {
      since = undefined;
      // A reason of the protocol is one word, and the stream may be awaited; any other is the socket's end.
      if (/^[a-z_]+$/.test(reason)) waiting = true;
      else ended ??= reason;
    },
  });
  await client.open();
  return {
    ...{ stream, by: 'ws' as const, stats },
    get since() {
      return waiting ? undefined : since;
    },
    get ended() {
      return ended;
    },
    cut: () => void wire.then((socket) => socket.destroy()),
    close: () => client.close(),
  };
}

/** A TCP proxy to the server, whose connections can be torn one by one. */
export class Wires {
  readonly #server: Server;
  readonly #expected: ((socket: Socket) => void)[] = [];
  readonly #open = new Set<Socket>();

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        this.#open.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#open.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
      this.#expected.shift()?.(near);
    });
  }

  static async to(target: URL): Promise<Wires> {
    const wires = new Wires(target);
    wires.#server.listen(0, '127.0.0.1');
    await once(wires.#server, 'listening');
    return wires;
  }

  get url(): URL {
    const address = this.#server.address();
    return new URL(`ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/ws`);
  }

  /** The next connection. */
  expect(): Promise<Socket> {
    return new Promise((resolve) => this.#expected.push(resolve));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}

/** Viewers in a process of their own, which can be killed: nobody says goodbye then. */
export function crowd(server: URL, stream: string, viewers: number, by: 'ws' | 'whep'): ChildProcess {
  const args = [join(import.meta.dirname, '../load.ts'), '--url', server.href, '--stream', stream];
  args.push('--viewers', String(viewers), '--duration', '3600', ...(by === 'ws' ? ['--ws'] : []));
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}
