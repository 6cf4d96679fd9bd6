/** Viewers by libdatachannel, and `npm run publish`, as tests need them. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'vitest';
import type { Resource } from '../../tools/lib/resource.ts';
import { CLOCK_RATE, type MediaKind, type RtpTrack, timestampOf } from '../../tools/lib/rtp.ts';
import { WhepClient, type WhepOptions } from '../../tools/lib/whep-client.ts';
import { startNode } from './child.ts';

export { type Live, publishMedia } from './publish-media.ts';

export type Packets = {
  client: WhepClient;
  /** The session at the server. */
  resource: Resource;
  of: Record<MediaKind, Buffer[]>;
  codec(kind: MediaKind): RtpTrack['codec'] | undefined;
  /** Resolves when so many seconds of it have come. */
  seconds(kind: MediaKind, seconds: number): Promise<Buffer[]>;
  stop(): Promise<void>;
};

/** A viewer that keeps what comes. Resolves when connected. */
export async function watchPackets(
  url: string,
  stream: string,
  more: Partial<WhepOptions> = {},
): Promise<Packets> {
  const of: Record<MediaKind, Buffer[]> = { audio: [], video: [] };
  const client = new WhepClient({
    url: new URL(`/whep/${stream}`, url),
    onPacket: (kind, packet) => of[kind].push(packet),
    ...more,
  });
  const resource = await client.connect();
  const codec = (kind: MediaKind) => {
    const [first] = of[kind];
    return first && client.codecOf(first);
  };
  const span = (kind: MediaKind) => {
    const [first, last] = [of[kind][0], of[kind].at(-1)];
    const known = codec(kind);
    if (!first || !last || !known) return 0;
    return ((timestampOf(last) - timestampOf(first)) | 0) / CLOCK_RATE[known];
  };
  return {
    client,
    resource,
    of,
    codec,
    seconds: async (kind, seconds) => {
      await expect
        .poll(() => span(kind), { timeout: 10_000 + seconds * 1000, message: `seconds of ${kind}` })
        .toBeGreaterThanOrEqual(seconds);
      return of[kind];
    },
    stop: () => client.close(),
  };
}

export type Command = {
  process: ChildProcess;
  output(): string;
  /** Resolves when it has printed that. */
  printed(text: string | RegExp): Promise<void>;
  exit: Promise<number | null>;
};

/** tools/publish.ts as `npm run publish` starts it. */
export function publishCommand(args: string[], env: Record<string, string> = {}): Command {
  const { process: child, output } = startNode(['tools/publish.ts', ...args], {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ...env,
  });
  return {
    process: child,
    output,
    printed: async (wanted) => {
      await expect.poll(output, { timeout: 20_000 }).toMatch(wanted);
    },
    exit: once(child, 'close').then(() => child.exitCode),
  };
}
