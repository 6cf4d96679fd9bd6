import type { EndReason } from '../../server/protocol/codes.ts';
import type { Media, Notice, Source } from '../../server/protocol/messages.ts';
import type { ViewerDiagnosis } from './diagnosis.ts';
import type { PharosClientError } from './errors.ts';
import type { ReceivedLayers } from './layers.ts';
import type { Observed } from './observed.ts';
import type { ReceivingStats } from './receiving-stats.ts';

export type ViewerState =
  | { name: 'idle' }
  | { name: 'connecting' }
  /** The stream is not live; it starts by itself when it is. */
  | { name: 'waiting'; notice?: Notice | undefined }
  | { name: 'live' }
  /** The publisher dropped out, and may come back; the last picture stays. */
  | { name: 'away'; reason: EndReason; notice?: Notice | undefined }
  /** With `waiting` it starts again by itself when the publisher is back. */
  | { name: 'ended'; reason: EndReason; waiting: boolean; notice?: Notice | undefined }
  | { name: 'reconnecting'; attempt: number; error: PharosClientError }
  | { name: 'failed'; error: PharosClientError };

export type ViewerEvents = {
  state: ViewerState;
  viewers: number;
  /** True while we should receive media and none gets through. */
  trouble: boolean;
  /** True while the connection to the server is lost and another is tried for; media goes on meanwhile. */
  interrupted: boolean;
  /** Tracks came into `mediaStream`; earlier than the state tells of it, so that a player can get ready. */
  tracks: MediaStream;
  /** What the stream has and this browser cannot play. */
  unplayable: Media['unplayable'];
  /** In which sizes the picture comes, and which of them now; undefined: it has but one. */
  layers: ReceivedLayers | undefined;
  /** What the stream is called; '' has no title. */
  title: string;
  /** What limits the publisher's sending; undefined: nothing known. */
  source: Source | undefined;
  /** Every two seconds while live. */
  stats: ReceivingStats;
  /** What is wrong, if anything. */
  diagnosis: ViewerDiagnosis;
};

/** What a viewer can be asked for at any time, but for the layers (`LayerChoice`); each tells when it changes. */
export type ViewerFacts = {
  readonly [Fact in Exclude<keyof ViewerEvents, 'tracks' | 'unplayable' | 'layers' | 'stats'>]: Observed<
    ViewerEvents[Fact]
  >;
};
