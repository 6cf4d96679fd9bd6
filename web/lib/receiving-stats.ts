/** How a viewer receives, from two of its connection's statistics reports. Pure. */
import type { Receiving } from '../../server/protocol/messages.ts';
import {
  between,
  bitrate,
  codecOf,
  grown,
  MOST_TIME,
  ofType,
  pathOf,
  type Report,
  roundTripOf,
  type Stat,
  selectedPair,
  share,
} from './stats.ts';

export type ReceivingStats = Receiving & {
  /** Of the picture, 'VP8' say, or of the sound where there is no picture; '' before it is known. */
  codec: string;
  /** How long a picture, or sound where there is none, waits to be played smoothly, in ms. */
  jitterBufferDelay: number;
  /** Share of the frames received that were not shown. */
  framesDropped: number;
  /** In ms for each frame. */
  decodeTime: number;
  /** Of the times at which packets come, in ms (RFC 3550, section 6.4.1). */
  jitter: number;
  /** Since the connection began. */
  packetsLost: number;
  /** From the server to the screen, in ms, as far as it can be known here. */
  latency: number;
};

/** A decoder that works so great a share of the time, and leaves so many frames, is too slow. */
const SLOW_DECODER = { busy: 0.7, left: 0.1, frames: 10 };

type Inbound = { before: Stat | undefined; now: Stat };

/** What came to pass between two reports of the same connection; undefined if nothing can be said of it. */
export function receivingStats(before: Report, now: Report): ReceivingStats | undefined {
  const elapsed = between(before, now);
  const inbound = ofType(now, 'inbound-rtp')
    // mediasoup-client's probator is a second, empty video.
    .filter(([, { mid }]) => mid !== 'probator')
    .map(([id, stat]): Inbound => ({ before: before.get(id), now: stat }));
  if (elapsed <= 0 || inbound.length === 0) return undefined;
  const video = busiest(inbound, 'video');
  const audio = busiest(inbound, 'audio');
  const sum = (name: Parameters<typeof grown>[2]) =>
    inbound.reduce((total, each) => total + grown(each.before, each.now, name), 0);
  const lost = sum('packetsLost');
  const pair = selectedPair(now);
  const roundTrip = roundTripOf(now, pair);
  const picture = pictureOf(video, elapsed);
  const shown = video && picture.width > 0 ? video : (audio ?? video);
  const jitterBufferDelay = Math.round(
    perUnit(shown, 'jitterBufferDelay', 'jitterBufferEmittedCount') * 1000,
  );
  return {
    ...picture,
    frozen: frozenFor(video, audio, elapsed),
    bitrate: bitrate(sum('bytesReceived'), elapsed),
    roundTrip,
    lost: share(lost, lost + sum('packetsReceived')),
    path: pathOf(now, pair),
    codec: codecOf(now, shown?.now),
    jitterBufferDelay,
    jitter: Math.round((shown?.now.jitter ?? 0) * 1000),
    packetsLost: inbound.reduce((total, each) => total + Math.max(0, each.now.packetsLost ?? 0), 0),
    latency: Math.round(roundTrip / 2 + jitterBufferDelay + picture.decodeTime),
  };
}

/** What of it goes to the server. */
export function receivingReport(stats: ReceivingStats): Receiving {
  const { frozen, bitrate: bits, width, height, frameRate, roundTrip, lost, path, slowDecoder } = stats;
  return {
    ...{ bitrate: bits, width, height, frameRate, lost, path, slowDecoder },
    frozen: Math.min(frozen, MOST_TIME),
    roundTrip: Math.min(roundTrip, MOST_TIME),
  };
}

/** After a publisher came back there are more than one for a moment. */
function busiest(inbound: readonly Inbound[], kind: string): Inbound | undefined {
  const bytes = (each: Inbound) => grown(each.before, each.now, 'bytesReceived');
  return inbound.filter((each) => each.now.kind === kind).toSorted((a, b) => bytes(b) - bytes(a))[0];
}

function pictureOf(video: Inbound | undefined, elapsed: number) {
  const decoded = grown(video?.before, video?.now, 'framesDecoded');
  const received = grown(video?.before, video?.now, 'framesReceived');
  const decodeSeconds = grown(video?.before, video?.now, 'totalDecodeTime');
  const left = share(received - decoded, received);
  const busy = (decodeSeconds * 1000) / elapsed;
  return {
    width: decoded > 0 ? (video?.now.frameWidth ?? 0) : 0,
    height: decoded > 0 ? (video?.now.frameHeight ?? 0) : 0,
    frameRate: rounded((decoded * 1000) / elapsed),
    decodeTime: decoded > 0 ? rounded((decodeSeconds * 1000) / decoded) : 0,
    framesDropped: share(grown(video?.before, video?.now, 'framesDropped'), received),
    slowDecoder: received >= SLOW_DECODER.frames && busy >= SLOW_DECODER.busy && left >= SLOW_DECODER.left,
  };
}

/**
 * Browsers count a freeze when it is over, and Firefox may not count them at all: a picture of which nothing
 * was decoded stood still all the time. A publisher without a picture is none that stands still: then there
 * is sound, and nothing of a picture comes.
 */
function frozenFor(video: Inbound | undefined, audio: Inbound | undefined, elapsed: number): number {
  if (!video) return 0;
  const comes = (each: Inbound | undefined) => grown(each?.before, each?.now, 'packetsReceived') > 0;
  const still = grown(video.before, video.now, 'framesDecoded') === 0 && (comes(video) || !comes(audio));
  // Before the first frame there is no picture to stand still.
  if (still && (video.now.framesDecoded ?? 0) > 0) return Math.round(elapsed);
  const counted = grown(video.before, video.now, 'totalFreezesDuration') * 1000;
  return Math.round(Math.min(counted, elapsed));
}

function perUnit(
  each: Inbound | undefined,
  amount: 'jitterBufferDelay',
  units: 'jitterBufferEmittedCount',
): number {
  const count = grown(each?.before, each?.now, units);
  return count > 0 ? grown(each?.before, each?.now, amount) / count : 0;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
