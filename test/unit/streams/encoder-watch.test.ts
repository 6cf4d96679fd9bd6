import { describe, expect, test } from 'vitest';
import {
  EncoderWatch,
  type EncoderWatchOptions,
  type Finding,
  type FindingCode,
  type RtpPacket,
} from '../../../server/streams/encoder-watch.ts';

/** A frame as it is encoded: when shown (frames of the stream's rate), and how large. */
type Frame = { shown: number; key: boolean; flagged: boolean; packets: number };

type Scenario = Partial<EncoderWatchOptions> & {
  seconds?: number;
  rate?: number;
  /** Seconds; without, key frames come on request alone, and first. */
  gop?: number;
  /** ms from request to key frame; without, requests are ignored. */
  answersAfter?: number;
  bFrames?: number;
  /** Key frames that mediasoup sees; by default all. */
  flagged?: (frame: number) => boolean;
  /** Packets of each frame. */
  packets?: (frame: number, key: boolean) => number;
  /** Frames that are not captured, such as of a still screen or of muted video. */
  captured?: (frame: number) => boolean;
  /** Further ticks in the timestamp. */
  clock?: (frame: number) => number;
  /** ms after encoding that a frame arrives. */
  delay?: (ms: number) => number;
  lost?: number;
  requestsLost?: number | ((ms: number) => boolean);
  /** Share of packets that come some packets later; as many come twice. */
  reordered?: number;
  /** Seconds between requests of viewers. */
  viewers?: number;
  /** Requests at certain times, ms. */
  requestsAt?: number[];
  /** Packets of a key frame that say so. */
  flags?: number;
  firstSequenceNumber?: number;
  firstTimestamp?: number;
  ssrcs?: number[];
  /** When packets that are no key frames are seen. */
  sampled?: (ms: number, undecided: boolean) => boolean;
  seed?: number;
};

type Arrival = { at: number; packet: RtpPacket };

/** Runs an encoder, a network and viewers against a watch; tells what was found, and when. */
function run(scenario: Scenario) {
  const { seconds = 30, rate = 30, gop, answersAfter, bFrames = 0, ssrcs = [1], viewers } = scenario;
  const random = generator(scenario.seed ?? 1);
  const found: (Finding & { at: number })[] = [];
  const requests: number[] = [];
  let now = 0;
  let keyFrameDue = Number.POSITIVE_INFINITY;
  let asked = 0;

  const request = () => {
    requests.push(now);
    const { requestsLost = 0 } = scenario;
    const lost = typeof requestsLost === 'number' ? random() < requestsLost : requestsLost(now);
    if (!lost) keyFrameDue = Math.min(keyFrameDue, now + (answersAfter ?? Infinity));
    for (const ssrc of ssrcs) watch.keyFrameRequested(ssrc, now);
  };
  const watch = new EncoderWatch({
    h264: true,
    parameterSetsInSdp: false,
    requestable: true,
    ...scenario,
    onFinding: (finding) => found.push({ ...finding, at: now }),
    requestKeyFrame: () => {
      asked += 1;
      request();
    },
  });

  const frames: Frame[] = [];
  const encode = (shown: number, key: boolean) => {
    frames.push({
      shown,
      key,
      flagged: key && (scenario.flagged?.(shown) ?? true),
      packets: scenario.packets?.(shown, key) ?? (key ? 12 : 2),
    });
  };
  let sequenceNumber = scenario.firstSequenceNumber ?? 100;
  const arrivals: Arrival[] = [];
  const send = ({ shown, flagged, packets }: Frame) => {
    const ticks = Math.round((shown * 90_000) / rate) + (scenario.clock?.(shown) ?? 0);
    const at = Math.max(now + (scenario.delay?.(now) ?? 0), arrivals.at(-1)?.at ?? 0);
    for (let index = 0; index < packets; index++) {
      sequenceNumber = (sequenceNumber + 1) % 65_536;
      if (random() < (scenario.lost ?? 0)) continue;
      for (const ssrc of ssrcs) {
        const packet: RtpPacket = {
          ssrc,
          sequenceNumber: (sequenceNumber + ssrc * 9) % 65_536,
          timestamp: ((scenario.firstTimestamp ?? 90_000) + ticks - ssrc * 20_000) >>> 0,
          payloadSize: 1000,
          isKeyFrame: flagged && index < (scenario.flags ?? 1),
        };
        arrivals.push({ at, packet });
      }
    }
  };
  const receive = () => {
    while (arrivals[0] && arrivals[0].at <= now) {
      const { packet } = arrivals.shift() as Arrival;
      const mixed = random() < (scenario.reordered ?? 0);
      if (mixed) arrivals.splice(Math.floor(random() * 12), 0, { at: now, packet });
      const seen = packet.isKeyFrame || (scenario.sampled?.(now, watch.undecided) ?? true);
      // Half of them come twice.
      if (seen && !(mixed && random() < 0.5)) watch.packet(packet, now);
    }
  };

  let sinceKeyFrame = 0;
  const requestsAt = [...(scenario.requestsAt ?? [])];
  let nextViewer = (viewers ?? Infinity) * 1000;
  for (let frame = 0; frame < seconds * rate; frame += 1 + bFrames) {
    now = (frame * 1000) / rate;
    receive();
    if (now >= nextViewer) {
      nextViewer += (viewers ?? 0) * 1000 * (0.5 + random());
      request();
    }
    if (now >= (requestsAt[0] ?? Infinity)) {
      requestsAt.shift();
      request();
    }
    if (!(scenario.captured?.(frame) ?? true)) continue;
    const key = frame === 0 || now >= keyFrameDue || sinceKeyFrame >= (gop ?? Infinity) * rate;
    sinceKeyFrame += 1 + bFrames;
    if (key) {
      sinceKeyFrame = 1 + bFrames;
      keyFrameDue = Number.POSITIVE_INFINITY;
    }
    // A B-frame is sent after the later one that it refers to.
    encode(frame + bFrames, key);
    for (let b = 0; b < bFrames; b++) encode(frame + b, false);
    for (const each of frames.splice(0)) send(each);
    receive();
  }
  return { codes: found.map(({ code }) => code), found, asked, requests };
}

/** mulberry32 */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As encoder-trace.ts does it. */
function samples() {
  let opened = 0;
  return (ms: number, undecided: boolean) => {
    const open = ms - opened;
    if (open > 60_000 || (undecided && open > 30_000)) opened = ms;
    const first = opened === 0;
    return open < (first ? 6000 : 2500) || (undecided && open < (first ? 20_000 : 6000));
  };
}

const WRAPS = { firstSequenceNumber: 65_400, firstTimestamp: 2 ** 32 - 180_000 };
const BAD_NETWORK = { lost: 0.05, reordered: 0.1 };

describe('B-frames', () => {
  const gop = 1;

  test.each<[string, Scenario]>([
    ['one', { bFrames: 1 }],
    ['two', { bFrames: 2 }],
    ['sixteen', { bFrames: 16 }],
    ['at 60 frames a second', { bFrames: 2, rate: 60 }],
    ['at 5 frames a second', { bFrames: 1, rate: 5 }],
    ['while sequence numbers and timestamps wrap', { bFrames: 2, ...WRAPS }],
    ['on a bad network', { bFrames: 2, ...BAD_NETWORK }],
    ['late in the stream, in a sample', { bFrames: 3, sampled: (ms) => ms % 60_000 > 57_000, seconds: 70 }],
  ])('%s', (_, scenario) => {
    expect(run({ gop, ...scenario }).codes).toEqual(['b_frames']);
  });

  test.each<[string, Scenario]>([
    ['frames in order', {}],
    ['wraps', WRAPS],
    ['loss, reordering and duplicates', { ...BAD_NETWORK, seconds: 300 }],
    ['much reordering', { reordered: 0.5, seconds: 300 }],
    ['many packets a frame', { packets: () => 40, reordered: 0.2 }],
    ['a clock that jumps back once', { clock: (frame) => (frame > 300 ? -40_000 : 0) }],
    ['a clock that jumps back far', { clock: (frame) => (frame > 300 ? -900_000_000 : 0) }],
    [
      'a clock that jumps back now and then',
      { clock: (frame) => -30_000 * Math.floor(frame / 100), seconds: 60 },
    ],
    [
      'a clock that is set back a little each second',
      { rate: 15, clock: (frame) => -7000 * Math.floor(frame / 15), seconds: 60 },
    ],
    [
      'a clock that is set back each second',
      { clock: (frame) => -5000 * Math.floor(frame / 30), seconds: 60 },
    ],
    [
      'pictures that start over each second',
      { rate: 10, clock: (frame) => -180_000 * Math.floor(frame / 10), seconds: 60 },
    ],
    ['layers with timestamps of their own', { ssrcs: [1, 2, 3] }],
    ['sampling', { sampled: (ms) => ms % 10_000 < 2000, seconds: 120 }],
  ])('none: %s', (_, scenario) => {
    expect(run({ gop, ...scenario }).codes).toEqual([]);
  });

  test('padding has any timestamp', () => {
    const codes: FindingCode[] = [];
    const watch = new EncoderWatch({
      h264: true,
      parameterSetsInSdp: false,
      requestable: true,
      onFinding: ({ code }) => codes.push(code),
      requestKeyFrame: () => {},
    });
    for (let index = 0; index < 300; index++) {
      const padding = index % 3 === 2;
      const timestamp = (padding ? index - 5 : index) * 3000 + 90_000;
      watch.packet(
        {
          ssrc: 1,
          sequenceNumber: index,
          timestamp,
          payloadSize: padding ? 0 : 900,
          isKeyFrame: index === 0,
        },
        index * 33,
      );
    }
    expect(codes).toEqual([]);
  });
});

describe('requests ignored', () => {
  const gops = [3, 3.5, 4, 4.5, 4.75, 5, 5.5, 6, 7, 8.3, 10, 12];

  test.each(gops)('key frames every %d s, no viewers', (gop) => {
    const { codes, found } = run({ gop, seconds: 60, flags: 2 });
    expect(codes).toEqual(gop > 4.25 ? ['key_frame_ignored', 'key_frame_interval'] : ['key_frame_ignored']);
    expect(found[0]?.at).toBeLessThan(20_000);
  });

  test.each(gops.slice(2))('key frames every %d s, viewers come and go, packets are sampled', (gop) => {
    const { codes } = run({ gop, seconds: 120, viewers: 7, sampled: samples() });
    expect(codes).toContain('key_frame_ignored');
    expect(codes).not.toContain('parameter_sets');
  });

  test.each<[string, Scenario]>([
    ['no key frame but the first', {}],
    ['VP8', { h264: false }],
    ['wraps', WRAPS],
    ['a bad network', BAD_NETWORK],
    ['viewers ask all the time', { viewers: 0.7 }],
    ['layers', { ssrcs: [1, 2, 3] }],
    ['10 frames a second', { rate: 10 }],
    [
      'pictures that change now and then',
      { packets: (frame, key) => (key || frame % 211 === 7 || frame % 97 === 3 ? 12 : 2) },
    ],
  ])('%s', (_, scenario) => {
    const { codes, found } = run(scenario);
    expect(codes).toEqual(['key_frame_ignored', 'key_frame_interval']);
    expect(found.at(-1)?.at).toBeLessThan(12_000);
  });

  test.each([0.5, 1, 2])('nobody minds when key frames come every %d s anyway', (gop) => {
    expect(run({ gop, seconds: 600 }).codes).toEqual([]);
    expect(run({ gop, seconds: 600, viewers: 3 }).codes).toEqual([]);
  });

  test('is told once, and then it is quiet', () => {
    const { codes, requests, asked } = run({ seconds: 600 });
    expect(codes).toHaveLength(2);
    expect(asked).toBeLessThanOrEqual(8);
    expect(requests.at(-1)).toBeLessThan(20_000);
  });
});

describe('requests answered', () => {
  const LONG = { seconds: 600, answersAfter: 150 };

  test.each<[string, Scenario]>([
    ['no viewers', {}],
    ['viewers', { viewers: 10 }],
    ['viewers ask all the time', { viewers: 0.4 }],
    ['a long interval besides', { gop: 10, viewers: 10 }],
    ['a long interval besides, no viewers', { gop: 5 }],
    ['slow answers', { answersAfter: 900, viewers: 10 }],
    ['very slow answers', { answersAfter: 1800, viewers: 10 }],
    ['VP8', { h264: false, viewers: 10 }],
    ['a fifth of the requests lost', { requestsLost: 0.2, viewers: 10 }],
    ['a bad network', { ...BAD_NETWORK, requestsLost: 0.1, viewers: 10 }],
    ['layers', { ssrcs: [1, 2, 3], viewers: 10 }],
    ['a still screen: a frame a second', { captured: (frame) => frame % 30 === 0, viewers: 7 }],
    ['a still screen: bursts of frames', { captured: (frame) => frame % 300 < 70, viewers: 7 }],
    ['muted half of the time', { captured: (frame) => frame % 1800 < 900, viewers: 3 }],
    ['a queue of 2 s from the start', { delay: (ms) => Math.min(2000, ms) }],
    ['a slow start', { delay: (ms) => (ms < 1000 ? 1500 : 40), answersAfter: 900, viewers: 10 }],
    ['two in five requests lost', { requestsLost: 0.4, viewers: 3 }],
    ['requests lost for 9 s', { requestsLost: (ms) => ms > 300_000 && ms < 309_000, viewers: 3 }],
    ['a queue of up to 2.5 s', { delay: (ms) => 1250 * (1 + Math.sin(ms / 5000)), viewers: 10 }],
    ['sampled', { sampled: samples(), viewers: 5 }],
    ['pictures that change', { packets: (frame, key) => (key || frame % 90 === 0 ? 12 : 2), viewers: 10 }],
  ])('10 minutes: %s', (_, scenario) => {
    const { codes, asked } = run({ ...LONG, ...scenario });
    expect(codes).toEqual([]);
    expect(asked).toBeLessThanOrEqual(16);
  });

  test.each([1, 2, 3, 4])('any start on a bad network (%d)', (seed) => {
    for (let start = 0; start < 25; start++) {
      const network = { ...BAD_NETWORK, requestsLost: 0.1, answersAfter: 300 };
      expect(run({ ...network, seconds: 20, seed: seed * 1000 + start }).codes).toEqual([]);
    }
  });

  test('costs a lone browser two key frames at most', () => {
    expect(run(LONG).asked).toBeLessThanOrEqual(2);
    expect(run({ ...LONG, viewers: 10 }).asked).toBeLessThanOrEqual(2);
  });
});

test('requests while no video comes are not ignored', () => {
  // 5 s of video, then none for 5 s.
  const captured = (frame: number) => frame % 300 < 150;
  const muted = (ms: number) => ms % 10_000 > 5000;
  const requestsAt = Array.from({ length: 20 }, (_, index) =>
    [6000, 8000].map((ms) => ms + index * 10_000),
  ).flat();
  const scenario = { captured, requestsAt, requestsLost: muted, answersAfter: 100, seconds: 200 };
  const { codes, requests } = run(scenario);
  expect(codes).toEqual([]);
  expect(requests).toHaveLength(41);
});

describe('an encoder that cannot be asked', () => {
  const requestable = false;

  test.each([5, 8, 10])('key frames every %d s are too rare', (gop) => {
    const { codes, asked } = run({ requestable, gop });
    expect(codes).toEqual(['key_frame_interval']);
    expect(asked).toBe(0);
  });

  test.each([1, 2, 4])('key frames every %d s will do', (gop) => {
    expect(run({ requestable, gop, seconds: 300, ...BAD_NETWORK, lost: 0.01 }).codes).toEqual([]);
  });

  test('muted video has no interval', () => {
    expect(run({ requestable, gop: 2, captured: (frame) => frame % 610 < 290, seconds: 120 }).codes).toEqual(
      [],
    );
  });

  test('nor parameter sets', () => {
    expect(run({ requestable, gop: 2, flagged: () => false }).codes).toEqual(['parameter_sets']);
  });
});

describe('H.264 without parameter sets', () => {
  const flagged = () => false;

  test.each<[string, Scenario]>([
    ['key frames every 2 s', { gop: 2 }],
    ['one key frame, the first', {}],
    ['answers to requests that nobody sees', { answersAfter: 100, viewers: 5 }],
    ['a bad network', { gop: 2, ...BAD_NETWORK }],
    ['the SDP had them, and sizes tell nothing', { parameterSetsInSdp: true, packets: () => 3 }],
    ['in the middle of a long interval', { gop: 8, packets: (frame, key) => (key && frame > 0 ? 12 : 2) }],
    ['with the first key frame alone', { gop: 2, flagged: (frame) => frame === 0 }],
  ])('%s', (_, scenario) => {
    const { codes, found } = run({ flagged, ...scenario });
    expect(codes).toEqual(['parameter_sets']);
    expect(found[0]?.at).toBeLessThan(13_000);
  });

  test('with nothing to show for it, requests are ignored', () => {
    expect(run({ flagged, packets: () => 3 }).codes).toEqual(['key_frame_ignored']);
  });

  test('VP8 has none', () => {
    expect(run({ flagged, gop: 2, h264: false }).codes).toEqual(['key_frame_ignored']);
  });

  test('in-band ones are enough, whatever the SDP had', () => {
    const seen = { parameterSetsInSdp: true };
    expect(run({ ...seen, gop: 2, seconds: 120, viewers: 5 }).codes).toEqual([]);
    expect(run({ ...seen, answersAfter: 100, seconds: 120, viewers: 5 }).codes).toEqual([]);
  });
});

test('every message is one sentence with a remedy', () => {
  const found = [...run({ bFrames: 2 }).found, ...run({ flagged: () => false, gop: 2 }).found];
  const messages = found.map(({ message }) => message);
  expect(messages).toHaveLength(4);
  for (const message of messages) expect(message).toMatch(/^the encoder [^:]+: set [^:]+[^.]$/);
});
