/** How the server empties before it ends: clients move elsewhere, recordings are finished, as far as time allows. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from './base/logger.ts';
import type { Recordings } from './recordings/recordings.ts';
import type { SignalingServer } from './signaling/server.ts';
import type { Registry } from './streams/registry.ts';

export type Draining = {
  registry: Registry;
  signaling: SignalingServer;
  recordings: Recordings;
  logger: Logger;
  /** All of it, in ms. */
  withinMs: number;
};

/** How much of the time clients have before recordings are ended under them: those take time to finish. */
const MOVE = 0.5;
/** Of that, how much is spread among clients; the rest is for the last of them to be gone. */
const SPREAD = 0.75;
const LOOK_MS = 50;

/**
 * Takes no more, tells the clients to move, and finishes what is recorded. Resolves when nobody is
 * left on a WebSocket and every recording has its verdict, and after `withinMs` at the latest. Who came
 * by WHIP or WHEP cannot be told anything but the end, and learns that when all is closed.
 */
export async function drain({ registry, signaling, recordings, logger, withinMs }: Draining): Promise<void> {
  const begun = performance.now();
  registry.drain();
  signaling.drain(withinMs * MOVE * SPREAD);
  await allGone(signaling, begun + withinMs * MOVE);
  await Promise.race([recordings.finish(), delay(begun + withinMs - performance.now())]);
  await allGone(signaling, begun + withinMs);
  logger.info(
    {
      tookMs: Math.round(performance.now() - begun),
      socketsLeft: signaling.snapshot().open,
      recordingsLeft: recordings.snapshot().finishing,
    },
    'drained',
  );
}

async function allGone(signaling: SignalingServer, until: number): Promise<void> {
  while (signaling.snapshot().open > 0 && performance.now() < until) await delay(LOOK_MS);
}
