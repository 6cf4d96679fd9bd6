import { describe, expect, test } from 'vitest';
import { sending } from '../../../server/protocol/messages.ts';
import { sendingReport, sendingStats } from '../../../web/lib/sending-stats.ts';
import type { Report, Stat } from '../../../web/lib/stats.ts';
import { chromiumPath, firefoxPath, report } from '../../helpers/stats-reports.ts';

type Values = Omit<Partial<Stat>, 'type' | 'timestamp'>;

/** What Chromium tells after so many seconds of a simulcast, largest layer first. */
function chromium(seconds: number, largest: Values = {}): Report {
  const layer = (scale: number): Omit<Stat, 'timestamp'> => ({
    ...{ type: 'outbound-rtp', kind: 'video', codecId: 'CV', qualityLimitationReason: 'none' },
    ...{ bytesSent: Math.round((200_000 / scale) * seconds), packetsSent: (200 / scale) * seconds },
    ...{ framesSent: 30 * seconds, framesEncoded: 30 * seconds, totalEncodeTime: (0.24 / scale) * seconds },
    ...{ frameWidth: 1280 / scale, frameHeight: 720 / scale },
  });
  return report(1000 + seconds * 1000, {
    ...chromiumPath('udp', 0.02),
    OV1: { ...layer(1), ...largest },
    OV2: layer(2),
    OV3: layer(4),
    OA1: {
      ...{ type: 'outbound-rtp', kind: 'audio', codecId: 'CA' },
      ...{ bytesSent: 8000 * seconds, packetsSent: 50 * seconds },
    },
    RV1: { type: 'remote-inbound-rtp', kind: 'video', packetsLost: 4 * seconds, roundTripTime: 0.9 },
    CV: { type: 'codec', mimeType: 'video/VP8' },
    CA: { type: 'codec', mimeType: 'audio/opus' },
  });
}

/** Firefox does not say what limits it, nor what it could send. */
function firefox(seconds: number): Report {
  return report(seconds * 1000, {
    ...firefoxPath('udp'),
    out: {
      ...{ type: 'outbound-rtp', kind: 'video', codecId: 'c', frameWidth: 640, frameHeight: 360 },
      ...{ bytesSent: 60_000 * seconds, packetsSent: 60 * seconds, framesEncoded: 24 * seconds },
    },
    in: { type: 'remote-inbound-rtp', kind: 'video', packetsLost: 6 * seconds, roundTripTime: 0.12 },
    c: { type: 'codec', mimeType: 'video/VP8' },
  });
}

describe('Chromium', () => {
  test('several sizes in one stream: each counts as a frame, so the rate is as the browser says', () => {
    const svc = (seconds: number) => chromium(seconds, { scalabilityMode: 'L3T2_KEY', framesPerSecond: 10 });
    expect(sendingStats(svc(10), svc(12))?.frameRate).toBe(10);
    const one = (seconds: number) => chromium(seconds, { scalabilityMode: 'L1T2', framesPerSecond: 10 });
    expect(sendingStats(one(10), one(12))?.frameRate).toBe(30);
  });

  test('what came to pass between two reports: layers smallest first, the largest for all', () => {
    expect(sendingStats(chromium(10), chromium(12))).toEqual({
      limitation: 'none',
      bitrate: 2_864_000,
      width: 1280,
      height: 720,
      frameRate: 30,
      roundTrip: 20,
      lost: 8 / 800,
      path: 'udp',
      codec: 'VP8',
      layers: [
        { width: 320, height: 180, frameRate: 30, bitrate: 400_000, active: true },
        { width: 640, height: 360, frameRate: 30, bitrate: 800_000, active: true },
        { width: 1280, height: 720, frameRate: 30, bitrate: 1_600_000, active: true },
      ],
      availableOutgoingBitrate: 1_500_000,
      encodeTime: 14,
    });
  });

  test('a layer of which nothing is sent is not active, and not what is sent', () => {
    const stopped = { bytesSent: 2_000_000, framesSent: 300, packetsSent: 2000 };
    const stats = sendingStats(chromium(10), chromium(12, stopped));
    expect(stats).toMatchObject({ width: 640, height: 360 });
    expect(stats?.layers.map(({ active }) => active)).toEqual([true, true, false]);
  });

  test.each(['cpu', 'bandwidth'] as const)('%s limits it if it does any of its layers', (limitation) => {
    const now = chromium(12, { qualityLimitationReason: limitation });
    expect(sendingStats(chromium(10), now)?.limitation).toBe(limitation);
  });
});

test('Firefox', () => {
  expect(sendingStats(firefox(10), firefox(12))).toMatchObject({
    ...{ limitation: 'none', bitrate: 480_000, width: 640, height: 360, frameRate: 24, lost: 0.1 },
    ...{ roundTrip: 120, path: 'udp', codec: 'VP8', availableOutgoingBitrate: undefined },
  });
});

test('sound alone has no picture', () => {
  const sound = (seconds: number) =>
    report(seconds * 1000, { out: { type: 'outbound-rtp', kind: 'audio', bytesSent: 8000 * seconds } });
  expect(sendingStats(sound(0), sound(2))).toMatchObject({
    bitrate: 64_000,
    width: 0,
    frameRate: 0,
    layers: [],
  });
});

test('of nothing sent nothing is said; what the server is told fits the protocol', () => {
  expect(sendingStats(report(0, {}), report(2000, {}))).toBeUndefined();
  for (const seconds of [2, 86_400]) {
    const stats = sendingStats(chromium(0), chromium(seconds));
    if (!stats) throw new Error('nothing is said');
    expect(sending.parse(sendingReport(stats))).toEqual(sendingReport(stats));
  }
});
