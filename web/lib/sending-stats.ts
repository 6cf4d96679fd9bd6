/** How a publisher sends, from two of its connection's statistics reports. Pure. */
import type { Sending } from '../../server/protocol/messages.ts';
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

/** One of the sizes in which the picture is sent. */
export type SentLayer = {
  width: number;
  height: number;
  frameRate: number;
  /** Bits per second. */
  bitrate: number;
  /** Whether anything of it was sent. */
  active: boolean;
};

export type SendingStats = Sending & {
  /** Of the picture, 'VP8' say, or of the sound where there is no picture; '' before it is known. */
  codec: string;
  /** Smallest picture first; one where it is sent in one size. */
  layers: readonly SentLayer[];
  /** Bits per second that the browser thinks it could send; undefined where it does not say. */
  availableOutgoingBitrate: number | undefined;
  /** In ms for each frame, all layers together. */
  encodeTime: number;
};

type Limitation = Sending['limitation'];
/** The first of these that any layer has is that of all. */
const LIMITATIONS: readonly Limitation[] = ['cpu', 'bandwidth', 'other'];

type Outbound = { before: Stat | undefined; now: Stat };

/** What came to pass between two reports of the same connection; undefined if nothing can be said of it. */
export function sendingStats(before: Report, now: Report): SendingStats | undefined {
  const elapsed = between(before, now);
  const matched = (type: string) =>
    ofType(now, type).map(([id, stat]): Outbound => ({ before: before.get(id), now: stat }));
  const outbound = matched('outbound-rtp');
  if (elapsed <= 0 || outbound.length === 0) return undefined;
  const video = outbound.filter((each) => each.now.kind === 'video');
  const sum = (list: readonly Outbound[], name: Parameters<typeof grown>[2]) =>
    list.reduce((total, each) => total + grown(each.before, each.now, name), 0);
  const layers = video
    .map((each) => layerOf(each, elapsed))
    .toSorted((a, b) => a.width * a.height - b.width * b.height);
  const largest = layers.findLast(({ active }) => active);
  const reasons = video.map((each) => each.now.qualityLimitationReason);
  const pair = selectedPair(now);
  const frames = Math.max(0, ...video.map((each) => grown(each.before, each.now, 'framesEncoded')));
  return {
    limitation: LIMITATIONS.find((each) => reasons.includes(each)) ?? 'none',
    bitrate: bitrate(sum(outbound, 'bytesSent'), elapsed),
    width: largest?.width ?? 0,
    height: largest?.height ?? 0,
    frameRate: largest?.frameRate ?? 0,
    roundTrip: roundTripOf(now, pair),
    // What the receiver's reports count.
    lost: share(sum(matched('remote-inbound-rtp'), 'packetsLost'), sum(outbound, 'packetsSent')),
    path: pathOf(now, pair),
    codec: codecOf(now, (video[0] ?? outbound[0])?.now),
    layers,
    availableOutgoingBitrate: pair?.availableOutgoingBitrate,
    encodeTime: frames > 0 ? rounded((sum(video, 'totalEncodeTime') * 1000) / frames) : 0,
  };
}

/** What of it goes to the server. */
export function sendingReport(stats: SendingStats): Sending {
  const { limitation, bitrate: bits, width, height, frameRate, roundTrip, lost, path } = stats;
  return {
    ...{ limitation, bitrate: bits, width, height, frameRate, lost, path },
    roundTrip: Math.min(roundTrip, MOST_TIME),
  };
}

function layerOf({ before, now }: Outbound, elapsed: number): SentLayer {
  const frames = grown(before, now, now.framesSent === undefined ? 'framesEncoded' : 'framesSent');
  return {
    width: now.frameWidth ?? 0,
    height: now.frameHeight ?? 0,
    // Of several sizes in one stream (SVC) each counts as a frame.
    frameRate: /^L[2-9]/.test(now.scalabilityMode ?? '')
      ? rounded(now.framesPerSecond ?? 0)
      : rounded((frames * 1000) / elapsed),
    bitrate: bitrate(grown(before, now, 'bytesSent'), elapsed),
    active: frames > 0,
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
