/**
 * Viewers in a process of their own, so that what they take of the CPU can be told from what
 * the server takes. audience.ts starts it and asks by IPC.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GapCounter, type MediaKind, sequenceOf } from '../../tools/lib/rtp.ts';
import { WhepClient } from '../../tools/lib/whep-client.ts';
import { WsViewer } from '../../tools/lib/ws-viewer.ts';
import { inLanes } from './lanes.ts';
import { type WaitOptions, wait, whenLive } from './waiting.ts';

export type Target = {
  /** Of the WHEP endpoint, or of our WebSocket. */
  url: string;
  /** For a WebSocket, which has no stream in its URL. */
  stream?: string;
};

export type JoinOptions = Target & {
  count: number;
  /** Spread over this many milliseconds; without, as fast as some at once come in. */
  within?: number;
  /** So many of them look at their packets, which costs; the others leave them to libdatachannel. */
  counted?: number;
  /** Milliseconds after its media came that a viewer leaves; without, it stays. */
  stay?: number;
};

export type CycleOptions = Target & { count: number; atOnce: number };

/** Milliseconds after the POST, or the opening of the socket; NaN for the first packet of one that does not look. */
export type Join = { answer: number; connected: number; first: number };
export type Joined = { joins: Join[]; failures: string[] };
export type Counts = { packets: number; lost: number };

const AT_ONCE = 8;

type Client = Pick<WhepClient, 'close'>;
type Viewer = { client: Client; counters: Map<MediaKind, GapCounter>; packets: number };
const viewers = new Set<Viewer>();

const commands = {
  async join({ count, within, counted = 0, stay, ...target }: JoinOptions): Promise<Joined> {
    const joins: Join[] = [];
    const failures: string[] = [];
    const one = async (index: number) => {
      try {
        const { viewer, join } = await open(target, index < counted);
        joins.push(join);
        if (stay !== undefined) await sleep(stay).then(() => close(viewer));
      } catch (error) {
        failures.push(String(error));
      }
    };
    if (within === undefined) await inLanes(count, AT_ONCE, one);
    else {
      const all = Array.from({ length: count }, (_, index) =>
        sleep((within * index) / count).then(() => one(index)),
      );
      await Promise.all(all);
    }
    return { joins, failures };
  },

  /** Counts anew. */
  async count(): Promise<void> {
    for (const viewer of viewers) {
      viewer.packets = 0;
      for (const counter of viewer.counters.values()) counter.lost = 0;
    }
  },

  async counts(): Promise<Counts> {
    const all = [...viewers];
    return {
      packets: all.reduce((sum, { packets }) => sum + packets, 0),
      lost: all.flatMap(({ counters }) => [...counters.values()]).reduce((sum, { lost }) => sum + lost, 0),
    };
  },

  /** That many come, see a packet, and leave. Resolves with why some could not. */
  async cycle({ count, atOnce, ...target }: CycleOptions): Promise<string[]> {
    const failures: string[] = [];
    await inLanes(count, atOnce, () =>
      open(target, true).then(
        ({ viewer }) => close(viewer),
        (error: unknown) => void failures.push(String(error)),
      ),
    );
    return failures;
  },

  /** Resolves when all of them wait for the stream. */
  wait: (options: WaitOptions): Promise<void> => wait(options),

  whenLive,

  async leave(): Promise<void> {
    await Promise.all([...viewers].map(close));
  },
};

export type Commands = typeof commands;
export type Call = { id: number; name: keyof Commands; args: never[] };
export type Answer = { id: number; value?: unknown; error?: string };

async function open(target: Target, looks: boolean): Promise<{ viewer: Viewer; join: Join }> {
  const first = Promise.withResolvers<number>();
  const counters = new Map<MediaKind, GapCounter>([
    ['audio', new GapCounter()],
    ['video', new GapCounter()],
  ]);
  const viewer: Viewer = { client: { close: async () => {} }, counters, packets: 0 };
  const onPacket: OnPacket = (kind, packet) => {
    first.resolve(performance.now());
    viewer.packets += 1;
    counters.get(kind)?.add(sequenceOf(packet));
  };
  const { client, from, answered } = await connect(target, looks ? onPacket : undefined);
  viewer.client = client;
  viewers.add(viewer);
  const connected = performance.now() - from;
  const firstAt = looks ? await first.promise : Number.NaN;
  return { viewer, join: { answer: answered - from, connected, first: firstAt - from } };
}

type OnPacket = (kind: MediaKind, packet: Buffer) => void;
type Connected = { client: Client /** By performance.now(). */; from: number; answered: number };

async function connect({ url, stream }: Target, onPacket: OnPacket | undefined): Promise<Connected> {
  const options = { url: new URL(url), ...(onPacket && { onPacket }) };
  if (stream === undefined) {
    const client = new WhepClient(options);
    const { postedAt, answeredAt } = await client.connect();
    return { client, from: postedAt, answered: answeredAt };
  }
  const from = performance.now();
  const client = new WsViewer({ ...options, stream });
  await client.open();
  return { client, from, answered: client.answeredAt ?? Number.NaN };
}

async function close(viewer: Viewer): Promise<void> {
  viewers.delete(viewer);
  await viewer.client.close();
}

process.on('message', async ({ id, name, args }: Call) => {
  const command = commands[name] as (...args: never[]) => Promise<unknown>;
  const answer = await command(...args).then(
    (value) => ({ id, value }),
    (error: Error) => ({ id, error: error.stack ?? String(error) }),
  );
  process.send?.(answer satisfies Answer);
});
// libdatachannel's threads would keep it.
process.once('disconnect', () => process.exit());
