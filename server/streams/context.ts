import type { Logger } from 'pino';
import type { Config } from '../../config/schema.ts';
import type { WorkerPool } from '../../workers/media/pool.ts';
import type { Grant } from '../auth/grant.ts';
import type { Slots } from '../base/slots.ts';

/** What all streams share. */
export type StreamContext = {
  readonly config: Config;
  readonly pool: WorkerPool;
  readonly logger: Logger;
  /** Whether the server has no time, or no room, for more. */
  readonly isOverloaded: () => boolean;
  /** Places for viewers of streams that are not live. */
  readonly waiting: Slots;
};

/** What a grant allows at most: viewers of a stream, bit/s sent, streams at the same time. */
export type GrantLimits = Grant['limits'];

/** Who publishes or watches, for administrators. */
export type Who = {
  readonly protocol: 'websocket' | 'whip' | 'whep' | 'rtp';
  readonly address: string;
  /** Who holds the grant; the address where none was needed. */
  readonly subject?: string | undefined;
};

/** By what somebody publishes or watches. */
export type Held = {
  /** Who holds the grant. */
  grant: string;
  limits: GrantLimits;
  who: Who;
  onGrantEnd: Grant['onEnd'];
};

export function held({ subject, limits, onEnd }: Grant, who: Omit<Who, 'subject'>): Held {
  return { grant: subject, limits, who: { ...who, subject }, onGrantEnd: onEnd };
}
