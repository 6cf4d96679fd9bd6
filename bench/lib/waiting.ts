/** Viewers that wait for a stream, by WebSocket; when it is live some take its media. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { WhepClient } from '../../tools/lib/whep-client.ts';
import { WsViewer } from '../../tools/lib/ws-viewer.ts';
import { inLanes } from './lanes.ts';

export type WaitOptions = {
  /** Of the WebSocket. */
  url: string;
  stream: string;
  count: number;
  /** So many take media. */
  media: number;
  /** Of the bare server, which has but WHEP for the media: that endpoint. */
  whep?: string;
};

/** By the clock of the machine: when each was told that the stream is live, and when each had media. */
export type WhenLive = { live: number[]; media: number[]; failures: string[] };

const AT_ONCE = 20;

type Waiting = { live: Promise<number>; media: Promise<number> | undefined };
const waiting: Waiting[] = [];

export async function wait(options: WaitOptions): Promise<void> {
  const { count, media, whep } = options;
  await inLanes(count, AT_ONCE, async (index) => {
    // Spread evenly among the others.
    const takes = Math.floor(((index + 1) * media) / count) > Math.floor((index * media) / count);
    waiting.push(
      await (whep === undefined ? waitByProtocol(options, takes) : waitBare(options, takes, whep)),
    );
  });
}

/** Resolves when all have it, or cannot have it any more. */
export async function whenLive(): Promise<WhenLive> {
  const [live, media] = await Promise.all([
    Promise.allSettled(waiting.map((each) => each.live)),
    Promise.allSettled(waiting.flatMap((each) => each.media ?? [])),
  ]);
  return {
    live: live.flatMap(fulfilled),
    media: media.flatMap(fulfilled),
    failures: [...live, ...media].flatMap((each) => (each.status === 'rejected' ? String(each.reason) : [])),
  };
}

const fulfilled = (result: PromiseSettledResult<number>): number[] =>
  result.status === 'fulfilled' ? [result.value] : [];

async function waitByProtocol({ url, stream }: WaitOptions, takes: boolean): Promise<Waiting> {
  const live = Promise.withResolvers<number>();
  const viewer = new WsViewer({
    url: new URL(url),
    stream,
    acceptMedia: takes,
    onLive: () => live.resolve(now()),
    onEnded: (reason) => live.reject(new Error(`ended: ${reason}`)),
  });
  await viewer.open();
  return {
    live: live.promise,
    media: takes ? live.promise.then(() => viewer.connected()).then(now) : undefined,
  };
}

async function waitBare({ url }: WaitOptions, takes: boolean, whep: string): Promise<Waiting> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const live = once(socket, 'message').then(now);
  const media = () => new WhepClient({ url: new URL(whep) }).connect().then(now);
  return { live, media: takes ? live.then(media) : undefined };
}

const now = (): number => performance.timeOrigin + performance.now();
