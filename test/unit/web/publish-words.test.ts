import { describe, expect, test } from 'vitest';
import type { ConnectionReport } from '../../../web/lib/check.ts';
import type { HealthReason } from '../../../web/lib/diagnosis.ts';
import { PharosClientError } from '../../../web/lib/errors.ts';
import type { SendingStats, SentLayer } from '../../../web/lib/sending-stats.ts';
import { advice, stepWords } from '../../../web/publish/check-words.ts';
import { embedCode } from '../../../web/publish/embed.ts';
import {
  bitsLabel,
  healthSentence,
  percent,
  sizes,
  viewersByHeight,
} from '../../../web/publish/health-words.ts';

const layer = (height: number, active = true): SentLayer => ({
  ...{ width: (height * 16) / 9, height, frameRate: 30, bitrate: 1000, active },
});
const AUDIENCE = {
  ...{ viewers: 4, layers: [1, 0, 2], audioOnly: 1, reporting: 4, frozen: 3, overloaded: false },
};
const STATS: SendingStats = {
  ...{ limitation: 'none', bitrate: 2_800_000, width: 1280, height: 720, frameRate: 30 },
  ...{ roundTrip: 612.4, lost: 0.043, path: 'udp', codec: 'VP8' },
  ...{ layers: [], availableOutgoingBitrate: undefined, encodeTime: 5 },
};

test.each([
  [0, '0 %'],
  [0.0042, '0.4 %'],
  [0.12, '12 %'],
])('a share of %d: %s', (share, text) => {
  expect(percent(share)).toBe(text);
});

test('bits per second', () => {
  expect([64_000, 999_400, 2_800_000].map(bitsLabel)).toEqual(['64 kbit/s', '999 kbit/s', '2.8 Mbit/s']);
});

describe('health', () => {
  const REASONS: Record<HealthReason, RegExp> = {
    ok: /viewers see it/,
    reconnecting: /keep this page open/,
    failed: /nothing is sent/i,
    media_blocked: /do not reach the server.*try another network/,
    nothing_sent: /nothing is being sent.*look whether/i,
    loss: /^4.3 % of what you send.*cable/,
    cpu: /computer.*close other programs.*lower resolution/i,
    bandwidth: /connection carries less.*stop other uploads/i,
    connecting: /connecting/i,
    interrupted: /go on, but the server/,
    server_overloaded: /not your doing/,
    viewers_frozen: /3 of 4 viewers/,
    slow_path: /612 ms/,
    udp_blocked: /blocks UDP/,
  };
  test.each(Object.entries(REASONS))('%s', (reason, words) => {
    const given = { stats: STATS, audience: AUDIENCE, viewers: 4 };
    expect(healthSentence(reason as HealthReason, given)).toMatch(words);
  });

  test('without viewers nothing is said of them', () => {
    expect(healthSentence('ok', { stats: STATS, audience: undefined, viewers: 0 })).not.toMatch(/viewers/);
  });

  test('viewers by quality, largest first', () => {
    const sent = [layer(180), layer(360), layer(720)];
    const count = (list: { label: string; count: number }[]) => list.map((each) => [each.label, each.count]);
    expect(count(viewersByHeight(AUDIENCE, sent))).toEqual([
      ['720p', 2],
      ['360p', 0],
      ['180p', 1],
      ['Sound only', 1],
    ]);
    // Before it is known what is sent.
    expect(count(viewersByHeight(AUDIENCE, []))[0]).toEqual(['Size 3', 2]);
    // Of sizes in one stream the browser tells the largest alone.
    expect(
      count(viewersByHeight(AUDIENCE, [layer(720)]))
        .map(([label]) => label)
        .slice(0, 3),
    ).toEqual(['720p', '360p', '180p']);
    expect(viewersByHeight({ ...AUDIENCE, layers: [4], audioOnly: 0 }, [layer(720)])).toEqual([]);
    expect(sizes([layer(180), layer(360), layer(720, false)])).toBe('180p, 360p');
  });
});

describe('the check', () => {
  const GOOD: ConnectionReport = {
    server: { state: 'ok', http: true, roundTrip: 31 },
    udp: { state: 'ok' },
    tcp: { state: 'ok' },
    upload: { state: 'ok', bitrate: 8_000_000, path: 'udp' },
    refusal: undefined,
  };
  const NEEDED = 3_700_000;
  const failed = { state: 'failed' } as const;
  const refusal = new PharosClientError('not_allowed', 'No.');

  test.each<[string, Partial<ConnectionReport>, string, RegExp]>([
    ['all well', {}, 'green', /all is well/i],
    [
      'no server',
      { server: { state: 'failed', http: false, roundTrip: undefined } },
      'red',
      /does not answer.*check your network/i,
    ],
    ['no WebSocket', { server: { state: 'failed', http: true, roundTrip: undefined } }, 'red', /proxy/],
    ['the wrong key', { refusal }, 'red', /needs the publish key.*enter it/i],
    [
      'no media',
      { udp: failed, tcp: failed, upload: { state: 'failed', bitrate: undefined, path: undefined } },
      'red',
      /firewall.*another network.*TURN/,
    ],
    ['no UDP', { udp: failed }, 'amber', /blocks UDP/],
    [
      'by TURN only',
      { udp: failed, tcp: failed, upload: { state: 'ok', bitrate: 8_000_000, path: 'relay' } },
      'amber',
      /TURN/,
    ],
    [
      'a slow upload',
      { upload: { state: 'ok', bitrate: 1_200_000, path: 'udp' } },
      'amber',
      /1\.2 Mbit\/s.*3\.7 Mbit\/s.*lower resolution/,
    ],
    ['no measure', { upload: { state: 'failed', bitrate: undefined, path: 'udp' } }, 'amber', /try again/i],
  ])('%s', (_, change, light, words) => {
    const found = advice({ ...GOOD, ...change }, NEEDED, 'stage-2');
    expect(found.light).toBe(light);
    expect(found.text).toMatch(words);
  });

  test('each step in words', () => {
    expect(stepWords('server', GOOD)).toBe('works, 31 ms there and back');
    expect(stepWords('upload', GOOD)).toBe('at least 8.0 Mbit/s');
    expect(stepWords('udp', { ...GOOD, udp: failed })).toBe('does not work');
  });
});

test('the embed code has the address of the watch link', () => {
  expect(embedCode('https://live.example.org/watch/stage-2', 'stage-2')).toContain(
    'src="https://live.example.org/embed/stage-2"',
  );
});
