import type { types } from 'mediasoup';
import type { MediaWorker } from './pool.ts';

/**
 * Which worker a viewer goes to. For now a stream lives on its home worker
 * alone; this and `producerOn` are the two places where fan-out to other
 * workers comes in.
 */
export function workerForViewer(home: MediaWorker): MediaWorker {
  return home;
}

/** The producer as the given worker's router has it. */
export async function producerOn(
  worker: MediaWorker,
  home: MediaWorker,
  producer: types.Producer,
): Promise<types.Producer> {
  if (worker !== home) throw new Error(`producer ${producer.id} is not carried to worker ${worker.index}`);
  return producer;
}
