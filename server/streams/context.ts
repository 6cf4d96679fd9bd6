import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { WorkerPool } from '../../workers/media/pool.ts';
import type { Slots } from '../base/slots.ts';

/** What all streams share. */
export type StreamContext = {
  readonly config: Config;
  readonly pool: WorkerPool;
  readonly logger: Logger;
  /** Places for viewers of streams that are not live. */
  readonly waiting: Slots;
};
