import { describe, expect, test } from 'vitest';
import { receiving } from '../../../server/protocol/messages.ts';
import { receivingReport, receivingStats } from '../../../web/lib/receiving-stats.ts';
import type { Report, Stat } from '../../../web/lib/stats.ts';
import { chromiumPath, firefoxPath, report } from '../../helpers/stats-reports.ts';

type Values = Omit<Partial<Stat>, 'type' | 'timestamp'>;

/** What Chromium tells after so many seconds of 720p at 30 frames. */
function chromium(
  seconds: number,
  video: Values = {},
  path: Parameters<typeof chromiumPath>[0] = 'udp',
): Report {
  return report(1000 + seconds * 1000, {
    ...chromiumPath(path, 0.042),
    IT01V: {
      ...{ type: 'inbound-rtp', kind: 'video', mid: '1', codecId: 'CV' },
      ...{ bytesReceived: 250_000 * seconds, packetsReceived: 230 * seconds, packetsLost: 10 * seconds },
      ...{ framesReceived: 30 * seconds, framesDecoded: 30 * seconds, framesDropped: 0 },
      ...{ frameWidth: 1280, frameHeight: 720, jitter: 0.004, totalDecodeTime: 0.12 * seconds },
      ...{ jitterBufferDelay: 1.5 * seconds, jitterBufferEmittedCount: 30 * seconds },
      totalFreezesDuration: 0,
      ...video,
    },
    IT01A: {
      ...{ type: 'inbound-rtp', kind: 'audio', mid: '0', codecId: 'CA', jitter: 0.001 },
      ...{ bytesReceived: 8000 * seconds, packetsReceived: 50 * seconds, packetsLost: 0 },
    },
    // mediasoup-client's own.
    ITprobe: { type: 'inbound-rtp', kind: 'video', mid: 'probator', bytesReceived: 9e6 * seconds },
    CV: { type: 'codec', mimeType: 'video/VP8' },
    CA: { type: 'codec', mimeType: 'audio/opus' },
  });
}

/** Firefox counts no freezes, and tells neither of a transport nor of the pair's round trip. */
function firefox(seconds: number, video: Values = {}): Report {
  return report(5000 + seconds * 1000, {
    ...firefoxPath('tcp'),
    ...{
      '1a2b': {
        type: 'inbound-rtp',
        kind: 'video',
        mid: '1',
        codecId: 'c1',
        ...firefoxVideo(seconds),
        ...video,
      },
    },
    ...{ '3c4d': { type: 'inbound-rtp', kind: 'audio', mid: '0', packetsReceived: 50 * seconds } },
    '5e6f': { type: 'remote-outbound-rtp', kind: 'audio', roundTripTime: 0.031 },
    c1: { type: 'codec', mimeType: 'video/H264' },
  });
}

function firefoxVideo(seconds: number): Values {
  return {
    ...{ bytesReceived: 100_000 * seconds, packetsReceived: 100 * seconds, packetsLost: 0, jitter: 0.002 },
    ...{ framesReceived: 25 * seconds, framesDecoded: 25 * seconds, frameWidth: 640, frameHeight: 360 },
    ...{ totalDecodeTime: 0.1 * seconds, jitterBufferDelay: seconds, jitterBufferEmittedCount: 25 * seconds },
  };
}

describe('Chromium', () => {
  test('what came to pass between two reports', () => {
    expect(receivingStats(chromium(10), chromium(12))).toEqual({
      frozen: 0,
      bitrate: 2_064_000,
      width: 1280,
      height: 720,
      frameRate: 30,
      roundTrip: 42,
      lost: 20 / 580,
      path: 'udp',
      slowDecoder: false,
      codec: 'VP8',
      jitterBufferDelay: 50,
      framesDropped: 0,
      decodeTime: 4,
      jitter: 4,
      packetsLost: 120,
      latency: 75,
    });
  });

  test.each(['udp', 'tcp', 'relay'] as const)('media by %s is told as that', (path) => {
    expect(receivingStats(chromium(0, {}, path), chromium(2, {}, path))?.path).toBe(path);
  });

  test('a freeze is told when it is over, never as longer than the time looked at', () => {
    const now = chromium(12, { totalFreezesDuration: 0.7 });
    expect(receivingStats(chromium(10), now)?.frozen).toBe(700);
    expect(receivingStats(chromium(10), chromium(12, { totalFreezesDuration: 9 }))?.frozen).toBe(2000);
  });

  test('a decoder that is busy all the time and leaves frames is too slow; one of either is not', () => {
    const look = (values: Values) => receivingStats(chromium(0), chromium(2, values))?.slowDecoder;
    expect(look({ framesDecoded: 40, totalDecodeTime: 1.9 })).toBe(true);
    expect(look({ framesDecoded: 40, totalDecodeTime: 0.2 })).toBe(false);
    expect(look({ framesDecoded: 59, totalDecodeTime: 3 })).toBe(false);
  });

  test('packets that were only late are not lost less than nothing', () => {
    expect(receivingStats(chromium(10), chromium(12, { packetsLost: 90 }))?.lost).toBe(0);
  });
});

describe('Firefox', () => {
  test('what came to pass between two reports', () => {
    expect(receivingStats(firefox(10), firefox(12))).toMatchObject({
      ...{ frozen: 0, bitrate: 800_000, width: 640, height: 360, frameRate: 25 },
      ...{ roundTrip: 31, path: 'tcp', codec: 'H264', jitterBufferDelay: 40, decodeTime: 4 },
    });
  });

  test('a picture of which packets come and nothing is decoded stands still', () => {
    const { framesDecoded } = firefoxVideo(10);
    expect(receivingStats(firefox(10), firefox(12, { framesDecoded }))).toMatchObject({
      ...{ frozen: 2000, frameRate: 0, width: 0 },
    });
  });

  test('a picture of which nothing comes while there is sound does not: the publisher shows none', () => {
    const paused = firefoxVideo(10);
    expect(receivingStats(firefox(10), firefox(12, paused))).toMatchObject({ frozen: 0, width: 0 });
  });
});

test('nothing at all is frozen; before the first frame there is nothing to freeze', () => {
  const silent = (seconds: number, framesDecoded: number) =>
    report(seconds * 1000, { v: { type: 'inbound-rtp', kind: 'video', mid: '0', framesDecoded } });
  expect(receivingStats(silent(0, 9), silent(2, 9))?.frozen).toBe(2000);
  expect(receivingStats(silent(0, 0), silent(2, 0))?.frozen).toBe(0);
});

test('of the same moment, or of nothing received, nothing is said', () => {
  expect(receivingStats(chromium(2), chromium(2))).toBeUndefined();
  expect(
    receivingStats(report(0, chromiumPath('udp', 0)), report(2000, chromiumPath('udp', 0))),
  ).toBeUndefined();
});

test('what the server is told fits the protocol, also when a computer slept for a day', () => {
  for (const seconds of [2, 86_400]) {
    const stats = receivingStats(firefox(0), firefox(seconds, { framesDecoded: 0 }));
    if (!stats) throw new Error('nothing is said');
    expect(receiving.parse(receivingReport(stats))).toEqual(receivingReport(stats));
  }
});
