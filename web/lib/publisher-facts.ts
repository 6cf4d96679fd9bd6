import type { EndReason } from '../../server/protocol/codes.ts';
import type { EventOf, Notice } from '../../server/protocol/messages.ts';
import type { Health } from './diagnosis.ts';
import type { PharosClientError } from './errors.ts';
import type { Observed } from './observed.ts';
import type { SendingStats } from './sending-stats.ts';

export type Published = {
  stream: string;
  /** Its secret, with which another page can go on with the stream; no longer than `grace` ms after this one is gone. */
  session: string;
  grace: number;
  /** Where others reach it, if this page has an address that only this computer knows. */
  watchUrl: string | undefined;
};

export type PublisherState =
  | { name: 'idle' }
  | { name: 'connecting' }
  | { name: 'live'; published: Published }
  | { name: 'reconnecting'; published: Published; attempt: number; error: PharosClientError }
  | { name: 'ended'; reason: EndReason }
  | { name: 'failed'; error: PharosClientError };

export type Audience = Omit<EventOf<'audience'>, 'type'>;

export type PublisherEvents = {
  state: PublisherState;
  viewers: number;
  /** True while we should send media and none gets through. */
  trouble: boolean;
  /** True while the connection to the server is lost and another is tried for; media goes on meanwhile. */
  interrupted: boolean;
  /** What the server finds in our media that disturbs viewers. */
  notices: readonly Notice[];
  /** How the viewers fare; undefined while nothing is known of them. */
  audience: Audience | undefined;
  /** Every two seconds while live. */
  stats: SendingStats;
  /** How it does, at a glance; undefined while it does not publish. */
  health: Health | undefined;
};

/** What a publisher can be asked for at any time; each tells when it changes. */
export type PublisherFacts = {
  readonly [Fact in Exclude<keyof PublisherEvents, 'stats'>]: Observed<PublisherEvents[Fact]>;
};

export const NO_NOTICES: readonly Notice[] = [];
