/** What of the streams stands in the dashboard's table: read from what is known, nothing is asked for it. */
import type { PublisherRow, StreamRow, StreamState } from '../../protocol/live.ts';
import type { Publisher } from '../../streams/publisher.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Viewer } from '../../streams/viewer.ts';
import type { PictureSizes } from './picture-sizes.ts';
import type { Samples } from './samples.ts';

export type Known = {
  samples: Samples;
  sizes: PictureSizes;
  isRecorded(stream: string): boolean;
  isCamera(stream: string): boolean;
};

export function streamRow(stream: Stream, known: Known): StreamRow {
  const { id, title, publisher, since, viewerCount } = stream;
  return {
    stream: id,
    title,
    state: stateOf(stream),
    since,
    viewers: viewerCount,
    publisher: publisher ? publisherRow(publisher, stream, known) : null,
    recording: known.isRecorded(id),
    camera: known.isCamera(id),
    notices: publisher?.notices.length ?? 0,
  };
}

function stateOf({ live, publisher, away }: Stream): StreamState {
  if (publisher) return live ? (publisher.silent ? 'silent' : 'live') : 'starting';
  return away ? 'away' : 'waiting';
}

function publisherRow(publisher: Publisher, stream: Stream, { samples, sizes }: Known): PublisherRow {
  const { home, producers, sending } = publisher;
  return {
    ...whoOf(publisher),
    worker: home.index,
    codecs: producers.map(({ rtpParameters }) => shortCodec(rtpParameters.codecs[0]?.mimeType ?? '')),
    layers: Math.max(0, ...producers.map(({ rtpParameters }) => rtpParameters.encodings?.length ?? 0)),
    bitrate: samples.bitrateOf(publisher) ?? null,
    picture: sending ? pictureOf(sending) : (largestSeen(stream.viewers) ?? seen(sizes.of(publisher))),
    limitation: sending && sending.limitation !== 'none' ? sending.limitation : null,
  };
}

function seen(size: { width: number; height: number } | undefined): PublisherRow['picture'] {
  return size ? { ...size, frameRate: 0 } : null;
}

/** In a table, few characters: `VP8`, `opus`. */
function shortCodec(mimeType: string): string {
  return mimeType.split('/')[1] ?? mimeType;
}

/** An encoder tells nothing, but those who watch it know. Some of them are enough: a table is no proof. */
function largestSeen(viewers: Iterable<Viewer>): PublisherRow['picture'] {
  let largest: PublisherRow['picture'] = null;
  let looks = 50;
  for (const { receiving } of viewers) {
    if (receiving && receiving.width > (largest?.width ?? 0)) largest = pictureOf(receiving);
    looks -= 1;
    if (looks === 0) break;
  }
  return largest;
}

export function pictureOf({ width, height, frameRate }: NonNullable<PublisherRow['picture']>) {
  return { width, height, frameRate: Math.round(frameRate) };
}

export function whoOf({ id, since, who }: Publisher | Viewer) {
  return {
    id,
    since,
    protocol: who?.protocol ?? null,
    address: who?.address ?? '',
    subject: who?.subject ?? '',
  };
}

/** Two digits: what changes less is not worth a message. */
export function rounded(value: number): number {
  if (value <= 0) return 0;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}
