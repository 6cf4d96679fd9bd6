import { describe, expect, test } from 'vitest';
import { ClockOffset, type Kind, TrackClock } from '../../../../workers/ffmpeg/record/timeline.ts';

const RATE = { audio: 48_000, video: 90_000 };
const STEP = { audio: 20, video: 1000 / 30 };

/** A track whose media is `latency` ms old when it comes, give or take what `jitter` says. */
class Sender {
  readonly clock: TrackClock;
  readonly kind: Kind;
  media = 0;
  base: number;
  latency: number;
  jitter: (count: number) => number = () => 0;
  /** How much faster than ours its clock runs. */
  drift = 0;
  count = 0;

  constructor(kind: Kind, latency = 0, base = 1000) {
    this.kind = kind;
    this.clock = new TrackClock(kind, RATE[kind]);
    this.latency = latency;
    this.base = base;
  }

  timestamp(media = this.media): number {
    return Math.round(this.base + (media * (1 + this.drift) * RATE[this.kind]) / 1000) >>> 0;
  }

  get arrival(): number {
    return this.media + this.latency + this.jitter(this.count);
  }

  observe(): void {
    this.clock.observe(this.timestamp(), this.arrival);
    this.#next();
  }

  /** @returns where it is put, relative to when it was taken. */
  place(error = 0): number {
    const off = this.clock.place(this.timestamp(), this.arrival, error) - this.media;
    this.#next();
    return off;
  }

  report(): void {
    this.clock.report(this.media, this.timestamp());
  }

  run(ms: number, each: (off: number) => void = () => undefined): void {
    for (const end = this.media + ms; this.media < end; ) each(this.place());
  }

  #next(): void {
    this.media += STEP[this.kind];
    this.count += 1;
  }
}

function settled(kind: Kind, byReports: boolean, latency = 0, base?: number): Sender {
  const sender = new Sender(kind, latency, base);
  for (let i = 0; i < 10; i++) sender.observe();
  if (byReports) sender.report();
  sender.clock.settle(byReports);
  return sender;
}

describe('a track', () => {
  test('is placed by its reports: how late it comes does not matter', () => {
    const [audio, video] = [settled('audio', true, 30), settled('video', true, 110)];
    expect(audio.place()).toBeCloseTo(0, 1);
    expect(video.place()).toBeCloseTo(0, 1);
  });

  test('is placed by when the soonest came where there is no report', () => {
    const video = new Sender('video', 50);
    video.jitter = (count) => [0, 40, 15, 70][count % 4] ?? 0;
    for (let i = 0; i < 10; i++) video.observe();
    video.clock.settle(false);
    video.run(2000, (off) => expect(off).toBeCloseTo(50, 1));
  });

  test('does not tremble as its packets do', () => {
    const video = settled('video', true, 50);
    video.jitter = (count) => (count * 37) % 90;
    video.run(60_000, (off) => expect(off).toBeCloseTo(0, 1));
  });

  test('goes on where timestamps wrap', () => {
    const audio = settled('audio', true, 20, 2 ** 32 - 48_000);
    audio.run(5000, (off) => expect(off).toBeCloseTo(0, 1));
    expect(audio.clock.leaps).toBe(0);
  });

  test('may come in another order than that of its times', () => {
    const video = settled('video', true);
    const { media } = video;
    const at = [0, 100, 33, 67, 200, 133, 167].map((offset) =>
      video.clock.place(video.timestamp(media + offset), media + offset),
    );
    expect(at.map((time) => Math.round(time - media))).toEqual([0, 100, 33, 67, 200, 133, 167]);
  });

  test('keeps a gap a gap: it was muted', () => {
    const video = settled('video', true, 50);
    video.run(1000);
    video.media += 60_000;
    video.run(1000, (off) => expect(off).toBeCloseTo(0, 1));
    expect(video.clock.leaps).toBe(0);
  });
});

describe('drift', () => {
  test('a clock that runs fast is followed, by reports', () => {
    const audio = new Sender('audio', 30);
    audio.drift = 100e-6;
    audio.observe();
    audio.report();
    audio.clock.settle(true);
    let worst = 0;
    for (let second = 0; second < 600; second++) {
      audio.report();
      audio.run(1000, (off) => {
        worst = Math.max(worst, Math.abs(off));
      });
    }
    // Without reports it were 60 ms after ten minutes.
    expect(worst).toBeLessThan(1.5);
    expect(audio.clock.leaps).toBe(0);
  });

  test('video keeps in step with sound while that creeps to its place', () => {
    const [audio, video] = [settled('audio', false, 30), settled('video', false, 120)];
    // Now it becomes known when it was taken; sound has to go 30 ms back, video 120.
    for (let i = 0; i < 5; i++) {
      audio.report();
      video.report();
    }
    const apart: number[] = [];
    for (let frame = 0; frame < 300; frame++) {
      const sound = [audio.place(), audio.media < video.media ? audio.place() : 0][0] ?? 0;
      apart.push(video.place(audio.clock.error) - sound);
    }
    expect(apart[0]).toBeCloseTo(90, -1);
    expect(Math.abs(apart[180] ?? 99)).toBeLessThan(2);
    expect(Math.abs(apart.at(-1) ?? 99)).toBeLessThan(1);
  });

  test('timestamps never go backwards by it', () => {
    const video = settled('video', false, 200);
    for (let i = 0; i < 5; i++) video.report();
    let last = Number.NEGATIVE_INFINITY;
    for (let frame = 0; frame < 400; frame++) {
      const at = video.place() + video.media;
      expect(at).toBeGreaterThan(last + 20);
      last = at;
    }
  });

  test('uneven reports do not shake it', () => {
    const video = settled('video', true, 40);
    for (let second = 0; second < 60; second++) {
      video.clock.report(video.media + ((second * 7919) % 60) - 30, video.timestamp());
      video.run(1000, (off) => expect(Math.abs(off)).toBeLessThan(35));
    }
    const offs: number[] = [];
    video.run(1000, (off) => offs.push(off));
    expect(Math.max(...offs) - Math.min(...offs)).toBeLessThan(21);
  });
});

describe('a leap of the publisher’s clock', () => {
  test.each([5000, 3_600_000, -5000, -3_600_000])('by %i ms is flattened onto arrival', (ms) => {
    const audio = settled('audio', true, 30);
    audio.run(3000);
    audio.base += (ms * RATE.audio) / 1000;
    const offs: number[] = [];
    audio.run(2000, (off) => offs.push(off));
    for (const off of offs) expect(Math.abs(off)).toBeLessThan(40);
    expect(audio.clock.leaps).toBe(1);
  });

  test('reports that still speak of the time before it are not heard', () => {
    const video = settled('video', true, 30);
    video.run(3000);
    const before = video.base;
    video.base += 90_000 * 20;
    video.run(100);
    video.clock.report(video.media, (before + video.media * 90) >>> 0);
    video.run(2000, (off) => expect(Math.abs(off)).toBeLessThan(40));
    expect(video.clock.leaps).toBe(1);
  });

  test('a stop of it, as of an encoder that was paused, is found out', () => {
    const video = settled('video', true, 30);
    video.run(1000);
    // Ten seconds pass that its timestamps know nothing of.
    video.media += 10_000;
    video.base -= 10 * RATE.video;
    const offs: number[] = [];
    video.run(6000, (off) => offs.push(off));
    expect(offs[0]).toBeCloseTo(-10_000, -2);
    expect(Math.abs(offs.at(-1) ?? 0)).toBeLessThan(100);
    expect(video.clock.leaps).toBe(1);
  });

  test('but media that was held up for a moment stays where it belongs', () => {
    const video = settled('video', true, 30);
    video.run(1000);
    // Two and a half seconds come at once, as TCP would have it.
    const until = video.media + 2500;
    video.jitter = () => Math.max(0, until - video.media);
    video.run(5000, (off) => expect(off).toBeCloseTo(0, 1));
    expect(video.clock.leaps).toBe(0);
  });
});

test('a track that joins is put in step with sound, not with the truth', () => {
  const video = new Sender('video', 80);
  video.observe();
  video.report();
  video.clock.settle(true, 25);
  expect(video.place(25)).toBeCloseTo(25, 1);
});

test('another clock is read by what came soonest', () => {
  const offset = new ClockOffset();
  offset.toOurs(1_000_000, 5040);
  expect(offset.toOurs(1_001_000, 6002)).toBe(6002);
  expect(offset.toOurs(1_002_000, 7090)).toBe(7002);
});
