import type { types } from 'mediasoup';
import { type Codec, createFrameReader, type Frame, type FrameReader, type SoundFormat } from './frames.ts';
import { type Ordered, ReorderBuffer } from './reorder.ts';
import type { RtpPacket, SenderReport } from './rtp.ts';
import { Tap } from './tap.ts';
import { ClockOffset, type Kind, TrackClock } from './timeline.ts';

/** A frame and its time: of media, on the clock of `performance.now()`. */
export type PlacedFrame = { kind: Kind; time: number; frame: Frame };

export type SourceListener = {
  /** Those of a track come in the order in which they are decoded. */
  sourceOnFrames(frames: PlacedFrame[]): void;
  /** Packets never came; frames can't be shown for it. */
  sourceOnLoss(kind: Kind, packets: number, frames: number): void;
  /** All its tracks have ended. Not when it is closed by its owner. */
  sourceOnEnd(source: Source): void;
};

type SourceOptions = {
  router: types.Router;
  producers: readonly types.Producer[];
  listener: SourceListener;
};

/** How long the first frames are held back for the reports that put tracks in step; mediasoup's come by then. */
const HOLD_MS = 1200;
/** How long they are held for a track that has not begun at all, unless it is paused. */
const HOLD_FOR_TRACK_MS = 3000;
/** While packets are waited for. */
const POLL_MS = 20;
const KEY_FRAME_EVERY_MS = 2000;
/** Until it is asked for again where one is needed. */
const KEY_FRAME_PATIENCE_MS = 600;
const CHECK_MS = 200;
/**
 * How long the largest picture may take to be there: a file that begins smaller stays so for some players. Less
 * than sound is held for; of SVC mediasoup looks every 1.5 s which layers are sent.
 */
const BEST_WITHIN_MS = 2900;

/** One track of one publisher. */
type Lane = {
  readonly kind: Kind;
  readonly consumer: types.Consumer;
  readonly buffer: ReorderBuffer<RtpPacket>;
  readonly reader: FrameReader;
  readonly clock: TrackClock;
  /** Frames that wait for its clock to be settled. */
  held: Frame[];
  begun: boolean;
  /** Frames from the newest key frame on, while a larger picture is awaited; undefined once it is not. */
  awaiting: Frame[] | undefined;
  readonly since: number;
  keyFrameAt: number;
  requestedAt: number;
  ended: boolean;
};

/** The frames of one publisher, with their times, from the packets that mediasoup has of it. */
export class Source {
  readonly #listener: SourceListener;
  readonly #workerClock = new ClockOffset();
  #tap: Tap | undefined;
  #lanes = new Map<types.Consumer, Lane>();
  #poll: NodeJS.Timeout | undefined;
  #check: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(listener: SourceListener) {
    this.#listener = listener;
  }

  static async create({ router, producers, listener }: SourceOptions): Promise<Source> {
    const source = new Source(listener);
    const tap = await Tap.create({
      router,
      producers,
      listener: {
        tapOnPacket: (consumer, packet, arrival) => source.#tapOnPacket(consumer, packet, arrival),
        tapOnReport: (consumer, report, arrival) => source.#tapOnReport(consumer, report, arrival),
        tapOnConsumerEnd: (consumer) => source.#tapOnConsumerEnd(consumer),
      },
    });
    source.#tap = tap;
    for (const consumer of tap.consumers) {
      const producer = producers.find(({ id }) => id === consumer.producerId);
      source.#lanes.set(consumer, createLane(consumer, producer?.rtpParameters.codecs[0]));
    }
    source.#check = setInterval(() => source.#onCheck(), CHECK_MS);
    try {
      await tap.resume();
    } catch (error) {
      source.close();
      throw error;
    }
    return source;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether frames of that kind have come. */
  hasBegun(kind: Kind): boolean {
    return this.#of(kind).some(({ begun }) => begun);
  }

  /** As it is to be declared before any of it has come. */
  get soundFormat(): SoundFormat | undefined {
    const [codec] = this.#of('audio')[0]?.consumer.rtpParameters.codecs ?? [];
    if (!codec) return undefined;
    const name = codecOf(codec.mimeType);
    return name === 'PCMU' || name === 'PCMA'
      ? { codec: name, channels: 1 }
      : { codec: 'opus', channels: codec.channels ?? 2 };
  }

  requestKeyFrame(): void {
    for (const lane of this.#of('video')) this.#request(lane, performance.now());
  }

  /** Hands over what it still has. */
  close(): void {
    if (this.#closed) return;
    for (const lane of this.#lanes.values()) {
      this.#take(lane, lane.buffer.flush());
      const { awaiting = [] } = lane;
      lane.awaiting = undefined;
      this.#hand(lane, awaiting);
    }
    this.#settleAll();
    this.#closed = true;
    clearInterval(this.#check);
    clearTimeout(this.#poll);
    this.#tap?.close();
  }

  #of(kind: Kind): Lane[] {
    return [...this.#lanes.values()].filter((lane) => lane.kind === kind);
  }

  #tapOnPacket(consumer: types.Consumer, packet: RtpPacket, arrival: number): void {
    const lane = this.#lanes.get(consumer);
    if (!lane) return;
    this.#take(lane, lane.buffer.push(packet, arrival));
    if (lane.buffer.waiting) this.#poll ??= setTimeout(() => this.#onPoll(), POLL_MS);
  }

  #tapOnReport(consumer: types.Consumer, { time, timestamp }: SenderReport, arrival: number): void {
    this.#lanes.get(consumer)?.clock.report(this.#workerClock.toOurs(time, arrival), timestamp);
    this.#settle(arrival);
  }

  #tapOnConsumerEnd(consumer: types.Consumer): void {
    const lane = this.#lanes.get(consumer);
    if (!lane || lane.ended) return;
    lane.ended = true;
    this.#take(lane, lane.buffer.flush());
    if (![...this.#lanes.values()].every(({ ended }) => ended)) return;
    this.close();
    this.#listener.sourceOnEnd(this);
  }

  /** While a gap is waited for: asks for what is missing, and gives it up in time. */
  #onPoll(): void {
    this.#poll = undefined;
    const now = performance.now();
    for (const lane of this.#lanes.values()) {
      this.#take(lane, lane.buffer.expire(now));
      const wanted = lane.buffer.wanted(now);
      if (wanted.length > 0) this.#tap?.askAgain(lane.consumer, wanted);
    }
    const waiting = [...this.#lanes.values()].some(({ buffer }) => buffer.waiting);
    if (waiting && !this.#closed) this.#poll = setTimeout(() => this.#onPoll(), POLL_MS);
  }

  #onCheck(): void {
    const now = performance.now();
    this.#settle(now);
    for (const lane of this.#of('video')) {
      const { keyFrameAt, requestedAt, reader, consumer } = lane;
      if (lane.ended || consumer.paused || consumer.producerPaused) continue;
      const since = now - Math.max(keyFrameAt, requestedAt);
      if (since > (reader.wantsKeyFrame ? KEY_FRAME_PATIENCE_MS : KEY_FRAME_EVERY_MS))
        this.#request(lane, now);
    }
  }

  #request(lane: Lane, now: number): void {
    lane.requestedAt = now;
    // It fails if the consumer goes meanwhile, which is told otherwise.
    if (!lane.ended) lane.consumer.requestKeyFrame().catch(() => undefined);
  }

  #take(lane: Lane, ordered: Ordered<RtpPacket>[]): void {
    if (ordered.length === 0) return;
    const { dropped, wantsKeyFrame } = lane.reader;
    const frames = ordered.flatMap((each) => lane.reader.push(each));
    const missing = ordered.reduce((sum, each) => sum + each.missing, 0);
    if (missing > 0 || lane.reader.dropped > dropped) {
      this.#listener.sourceOnLoss(lane.kind, missing, lane.reader.dropped - dropped);
    }
    if (lane.kind === 'video' && lane.begun && lane.reader.wantsKeyFrame && !wantsKeyFrame) {
      this.#request(lane, performance.now());
    }
    this.#hand(lane, awaited(lane, frames));
  }

  #hand(lane: Lane, frames: Frame[]): void {
    if (frames.length === 0) return;
    lane.begun = true;
    for (const { key, arrival } of frames) if (key) lane.keyFrameAt = arrival;
    if (lane.clock.settled) {
      this.#listener.sourceOnFrames(frames.map((frame) => this.#place(lane, frame)));
      return;
    }
    for (const { timestamp, arrival } of frames) lane.clock.observe(timestamp, arrival);
    lane.held.push(...frames);
    this.#settle(performance.now());
  }

  #place(lane: Lane, frame: Frame): PlacedFrame {
    const { kind, clock } = lane;
    return { kind, time: clock.place(frame.timestamp, frame.arrival, this.#errorFor(kind)), frame };
  }

  /** Video keeps in step with sound, which only creeps to where it belongs. */
  #errorFor(kind: Kind): number {
    if (kind === 'audio') return 0;
    return (
      this.#of('audio').find(({ clock, ended }) => clock.settled && clock.reported && !ended)?.clock.error ??
      0
    );
  }

  /** Settles what can be settled: at first all tracks together, later each that joins. */
  #settle(now: number): void {
    const lanes = [...this.#lanes.values()];
    const unsettled = lanes.filter(({ clock, held }) => !clock.settled && held.length > 0);
    if (unsettled.length === 0) return;
    const since = now - Math.min(...unsettled.map(({ held }) => held[0]?.arrival ?? now));
    if (!lanes.some(({ clock }) => clock.settled)) {
      const missing = lanes.some(
        ({ begun, consumer, ended }) => !begun && !consumer.producerPaused && !ended,
      );
      const reported = unsettled.every(({ clock }) => clock.reported);
      if (since < (missing ? HOLD_FOR_TRACK_MS : reported ? 0 : HOLD_MS)) return;
      this.#settleAll();
      return;
    }
    const able = unsettled.filter(({ clock }) => clock.reported || since >= HOLD_MS);
    this.#release(able, true);
  }

  /** By reports only if all have one: else they would not be in step. */
  #settleAll(): void {
    const lanes = [...this.#lanes.values()].filter(({ clock, held }) => !clock.settled && held.length > 0);
    this.#release(
      lanes,
      lanes.every(({ clock }) => clock.reported),
    );
  }

  #release(lanes: readonly Lane[], byReports: boolean): void {
    if (lanes.length === 0) return;
    for (const { clock, kind } of lanes) clock.settle(byReports, this.#errorFor(kind));
    const frames = lanes.flatMap((lane) => lane.held.map((frame) => this.#place(lane, frame)));
    for (const lane of lanes) lane.held = [];
    // Each track's stay in their order.
    const byTrack = (kind: Kind) => frames.filter((frame) => frame.kind === kind);
    this.#listener.sourceOnFrames(merged(byTrack('video'), byTrack('audio')));
  }
}

/** What of the frames of a simulcast's smaller pictures is not to begin a recording is left out. */
function awaited(lane: Lane, frames: Frame[]): Frame[] {
  if (!lane.awaiting) return frames;
  for (const frame of frames) {
    if (frame.key) lane.awaiting = [];
    lane.awaiting.push(frame);
  }
  // It is told apart from the frames, so perhaps after them.
  const best = lane.consumer.currentLayers?.spatialLayer === spatialLayersOf(lane.consumer) - 1;
  if (!best && performance.now() - lane.since < BEST_WITHIN_MS) return [];
  const ready = lane.awaiting;
  lane.awaiting = undefined;
  return ready;
}

/** Of a simulcast, its streams, smallest picture first; of SVC, its layers. */
function spatialLayersOf({ type, rtpParameters }: types.Consumer): number {
  const mode = rtpParameters.encodings?.[0]?.scalabilityMode ?? '';
  return type === 'simulcast' || type === 'svc' ? Number(/^L(\d)/.exec(mode)?.[1] ?? 1) : 1;
}

/** @param produced What the publisher said of its codec: of that, consumers are not told the parameter sets. */
function createLane(consumer: types.Consumer, produced?: types.RtpCodecParameters): Lane {
  const [parameters] = consumer.rtpParameters.codecs;
  const parameterSets = produced?.parameters?.['sprop-parameter-sets'];
  const codec = codecOf(parameters?.mimeType ?? '');
  const { kind } = consumer;
  return {
    kind,
    consumer,
    buffer: new ReorderBuffer(),
    reader: createFrameReader(
      codec,
      parameters?.channels ?? 2,
      typeof parameterSets === 'string' ? parameterSets : undefined,
    ),
    clock: new TrackClock(kind, parameters?.clockRate ?? 90_000),
    held: [],
    begun: false,
    awaiting: spatialLayersOf(consumer) > 1 ? [] : undefined,
    since: performance.now(),
    keyFrameAt: 0,
    requestedAt: performance.now(),
    ended: false,
  };
}

/** @throws Error of a codec that the routers do not have, hence never. */
function codecOf(mimeType: string): Codec {
  const name = mimeType.split('/')[1]?.toLowerCase();
  const codec = (['opus', 'PCMU', 'PCMA', 'H264', 'VP8', 'VP9', 'AV1'] as const).find(
    (each) => each.toLowerCase() === name,
  );
  if (!codec) throw new Error(`${mimeType} cannot be recorded`);
  return codec;
}

function merged(some: PlacedFrame[], others: PlacedFrame[]): PlacedFrame[] {
  const all: PlacedFrame[] = [];
  const [left, right] = [[...some], [...others]];
  for (;;) {
    const [a, b] = [left[0], right[0]];
    if (!a || !b) return [...all, ...left, ...right];
    all.push(a.time <= b.time ? a : b);
    (a.time <= b.time ? left : right).shift();
  }
}
