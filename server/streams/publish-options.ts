import type { Grant } from '../auth/grant.ts';
import type { MediaKind } from '../protocol/messages.ts';
import type { GrantLimits, Who } from './context.ts';

/** What somebody wants to publish, and by what right. */
export type PublishOptions = {
  /** What will be produced. */
  tracks: readonly MediaKind[];
  /** By what it publishes: whoever has the same may take over from a session that has gone silent. */
  grant: string;
  /** What that grant allows at most, where that is less than the configuration does. */
  limits?: GrantLimits | undefined;
  /** Calls when the grant no longer holds: that ends the publisher. */
  onGrantEnd?: Grant['onEnd'] | undefined;
  /** Of the session that publishes: whoever has it may take over at once. */
  secret?: string | undefined;
  /** The secret of the session to take over from. */
  resume?: string | undefined;
  who?: Who | undefined;
  /** 'webrtc': a browser, a WHIP client. 'rtp': a process on this machine that sends plain RTP. */
  kind?: 'webrtc' | 'rtp';
  /** What the stream is called; left out, what it was called before its publisher dropped out. */
  title?: string | undefined;
  /** False for WebRTC clients that may not check ICE consent: encoders. */
  consent?: boolean;
};
