/** What the statistics of sending and of receiving have in common (W3C webrtc-stats). Pure. */
import type { Receiving } from '../../server/protocol/messages.ts';

export type MediaPathKind = Receiving['path'];

/** One of a report's entries, with whatever of these the browser tells. */
export type Stat = { readonly type: string; readonly timestamp: number } & Readonly<
  Partial<Record<NumberName, number> & Record<TextName, string> & Record<FlagName, boolean>>
>;
type NumberName =
  | 'availableOutgoingBitrate'
  | 'bytesReceived'
  | 'bytesSent'
  | 'currentRoundTripTime'
  | 'frameHeight'
  | 'frameWidth'
  | 'framesDecoded'
  | 'framesDropped'
  | 'framesEncoded'
  | 'framesPerSecond'
  | 'framesReceived'
  | 'framesSent'
  | 'headerBytesReceived'
  | 'headerBytesSent'
  | 'jitter'
  | 'jitterBufferDelay'
  | 'jitterBufferEmittedCount'
  | 'packetsLost'
  | 'packetsReceived'
  | 'packetsSent'
  | 'roundTripTime'
  | 'totalDecodeTime'
  | 'totalEncodeTime'
  | 'totalFreezesDuration';
type TextName =
  | 'candidateType'
  | 'codecId'
  | 'kind'
  | 'localCandidateId'
  | 'mid'
  | 'mimeType'
  | 'protocol'
  | 'qualityLimitationReason'
  | 'relayProtocol'
  | 'remoteCandidateId'
  | 'scalabilityMode'
  | 'selectedCandidatePairId'
  | 'state'
  | 'tcpType';
type FlagName = 'nominated' | 'selected';

/** `RTCStatsReport`, as far as it matters. */
export type Report = ReadonlyMap<string, Stat>;

/** In ms: the protocol takes no more, and a computer may have slept. */
export const MOST_TIME = 600_000;

export function ofType(report: Report, type: string): [id: string, stat: Stat][] {
  return [...report].filter(([, stat]) => stat.type === type);
}

/** How much more than before, never less; what was not there before begins at 0. */
export function grown(before: Stat | undefined, now: Stat | undefined, name: NumberName): number {
  return Math.max(0, (now?.[name] ?? 0) - (before?.[name] ?? 0));
}

/** 'VP8', 'H264', 'opus'; '' where it is not told. */
export function codecOf(report: Report, stat: Stat | undefined): string {
  const mimeType = report.get(stat?.codecId ?? '')?.mimeType ?? '';
  return mimeType.slice(mimeType.indexOf('/') + 1);
}

/** Of what was to arrive, 0 to 1. */
export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

/** Bits per second, whole. */
export function bitrate(bytes: number, milliseconds: number): number {
  return milliseconds > 0 ? Math.round((bytes * 8000) / milliseconds) : 0;
}

/** The candidate pair that carries media: Chromium names it by the transport, Firefox marks it. */
export function selectedPair(report: Report): Stat | undefined {
  for (const [, { selectedCandidatePairId }] of ofType(report, 'transport')) {
    const pair = report.get(selectedCandidatePairId ?? '');
    if (pair) return pair;
  }
  const pairs = ofType(report, 'candidate-pair').map(([, pair]) => pair);
  return (
    pairs.find(({ selected }) => selected) ??
    pairs.find(({ nominated, state }) => nominated && state === 'succeeded')
  );
}

export function pathOf(report: Report, pair = selectedPair(report)): MediaPathKind {
  const local = report.get(pair?.localCandidateId ?? '');
  const remote = report.get(pair?.remoteCandidateId ?? '');
  if (local?.candidateType === 'relay') return 'relay';
  const overTcp = local?.protocol === 'tcp' || local?.tcpType !== undefined || remote?.protocol === 'tcp';
  return overTcp ? 'tcp' : 'udp';
}

/** In ms, as ICE's checks find it; else as RTCP does (RFC 3550, section 6.4.1); 0 where neither tells. */
export function roundTripOf(report: Report, pair = selectedPair(report)): number {
  if (pair?.currentRoundTripTime !== undefined) return Math.round(pair.currentRoundTripTime * 1000);
  const told = [...ofType(report, 'remote-inbound-rtp'), ...ofType(report, 'remote-outbound-rtp')];
  const [seconds = 0] = told.flatMap(([, { roundTripTime }]) => roundTripTime ?? []);
  return Math.round(seconds * 1000);
}

/** In ms, from one report to the next. */
export function between(before: Report, now: Report): number {
  return Math.max(0, timeOf(now) - timeOf(before));
}

/** Of its latest entry: those of remote ends are older than the report. */
function timeOf(report: Report): number {
  let latest = 0;
  for (const { timestamp } of report.values()) latest = Math.max(latest, timestamp);
  return latest;
}
