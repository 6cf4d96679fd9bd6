import type { MediaKind } from '../../server/protocol/messages.ts';
import { PharosClientError } from './errors.ts';

type Given = { videoTrack?: MediaStreamTrack | undefined; audioTrack?: MediaStreamTrack | undefined };
export type Tracks = { video?: MediaStreamTrack | undefined; audio?: MediaStreamTrack | undefined };

/** A device may have been unplugged before we publish again. */
export function aliveTracks({ videoTrack, audioTrack }: Given): Tracks {
  const video = videoTrack?.readyState === 'live' ? videoTrack : undefined;
  const audio = audioTrack?.readyState === 'live' ? audioTrack : undefined;
  if (!video && !audio) throw new PharosClientError('media_failed', 'There is nothing to send.');
  return { video, audio };
}

export function kindsOf({ video, audio }: Tracks): MediaKind[] {
  return [...(video ? (['video'] as const) : []), ...(audio ? (['audio'] as const) : [])];
}
