/** Somebody who watches a real stream while others attack the server, and is to feel nothing of it. */
import { expect } from 'vitest';
import { droppedDatagrams } from '../../tools/lib/usage.ts';
import { ViewerStats } from '../../tools/lib/viewer-stats.ts';
import { WhepClient } from '../../tools/lib/whep-client.ts';
import { residentMegabytes } from './process.ts';
import { publishMedia } from './publish-media.ts';
import type { TestServer } from './server.ts';

/** Of packets that may be lost, as a busy machine loses some by itself. */
const LOSS = 0.01;
/** Milliseconds without any packet: likewise. */
const SILENCE = 5_000;
/** Node's options for the server: with V8's usual limits garbage is left lying, and looks like something kept. */
export const SMALL_HEAP = '--max-old-space-size=80 --max-semi-space-size=4';
/** By which the server may grow beyond what is noise. */
const GROWTH_MB = 40;

export type GoodViewer = {
  /** The server's side of its media path, which a stranger may have come to know. */
  ufrag: string;
  /** Of the stream, as published and as watched. */
  ssrcs: number[];
  /**
   * Resolves when the attack is over and nobody was harmed: viewer, memory of server and workers, log.
   * `warm`: to be called when everything has been used that stays, such as buffers and compiled code.
   */
  unharmed(name: string, attack: Attack): Promise<void>;
  stop(): Promise<void>;
};

type Attack = (warm: () => void) => Promise<unknown>;

/** Publishes and watches. The server must let anybody publish `good`. */
export async function watchWell(server: TestServer): Promise<GoodViewer> {
  const live = await publishMedia(server.url, 'good', 'h264');
  const seen = new ViewerStats();
  const watching = new WhepClient({
    url: new URL('/whep/good', server.url),
    onPacket: (kind, packet) => seen.add(kind, packet, performance.now()),
  });
  const { answer } = await watching.connect();
  const ssrcs = [...answer.matchAll(/a=ssrc:(\d+)/g)].map(([, ssrc]) => Number(ssrc));
  return {
    ufrag: /a=ice-ufrag:(\S+)/.exec(answer)?.[1] ?? '',
    ssrcs: [...ssrcs, ...live.source.tracks.map(({ ssrc }) => ssrc)],
    unharmed: async (name, attack) => {
      await measured(server, seen, name, attack);
      expect(server.records('media worker died')).toEqual([]);
      // An error of our own; what a stranger does is no more than a warning.
      const errors = server
        .output()
        .split('\n')
        .filter((line) => line.includes('"level":50'));
      expect(errors).toEqual([]);
    },
    stop: async () => {
      await watching.close();
      await live.stop();
    },
  };
}

async function measured(server: TestServer, seen: ViewerStats, name: string, attack: Attack): Promise<void> {
  const { packets, lost } = seen;
  const dropped = droppedDatagrams();
  const memory = () => residentMegabytes(server.process.pid);
  const start = performance.now();
  let before = memory();
  let last = { packets, at: start };
  let silence = 0;
  const watch = setInterval(() => {
    const now = performance.now();
    silence = Math.max(silence, now - last.at);
    if (seen.packets > last.packets) last = { packets: seen.packets, at: now };
  }, 50);
  try {
    await attack(() => {
      before = memory();
    });
  } finally {
    clearInterval(watch);
  }
  const after = memory();
  const came = seen.packets - packets;
  const gone = seen.lost - lost;
  console.info(
    [
      `${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`,
      `the good viewer got ${came} packets, missed ${gone}, waited ${Math.round(silence)} ms at most`,
      `${droppedDatagrams() - dropped} datagrams dropped by the machine`,
      `server and workers ${before} MB before, ${after} MB after`,
    ].join('; '),
  );
  expect(came, 'packets of the good viewer').toBeGreaterThan(0);
  expect(gone / came, 'share of its packets that were lost').toBeLessThan(LOSS);
  expect(silence, 'ms without any packet').toBeLessThan(SILENCE);
  expect(after - before, 'MB by which the server grew').toBeLessThan(GROWTH_MB);
}
