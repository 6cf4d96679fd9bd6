import { describe, expect, test } from 'vitest';
import {
  findTrouble,
  health,
  type PublisherObservation,
  Steady,
  SteadyHealth,
  type ViewerObservation,
} from '../../../web/lib/diagnosis.ts';
import type { ReceivingStats } from '../../../web/lib/receiving-stats.ts';
import type { SendingStats } from '../../../web/lib/sending-stats.ts';
import { RECEIVING, SENDING } from '../../helpers/client.ts';

const RECEIVED: ReceivingStats = {
  ...RECEIVING,
  ...{ codec: 'VP8', jitterBufferDelay: 40, framesDropped: 0, decodeTime: 3 },
  ...{ jitter: 2, packetsLost: 0, latency: 60 },
};
const SENT: SendingStats = {
  ...SENDING,
  ...{ codec: 'VP8', layers: [], availableOutgoingBitrate: 3_000_000, encodeTime: 5 },
};
const LOOK = 2000;

describe("a viewer's trouble", () => {
  const scales = [4, 2, 1];
  const find = (
    stats: Partial<ReceivingStats>,
    { layers = { scales, current: 2 }, ...look }: Partial<ViewerObservation> = {},
  ) => {
    const whole = { source: undefined, wished: undefined, video: true, udpOffered: true, ...look, layers };
    return findTrouble({ ...whole, stats: { ...RECEIVED, ...stats } }, LOOK);
  };
  const source = (limitation: 'none' | 'cpu' | 'bandwidth', weak = false) => ({
    source: { limitation, weak },
  });
  const low = { layers: { scales, current: 0 } };

  test('none', () => {
    expect(find({})).toBe('ok');
    expect(find({ frozen: 200 })).toBe('ok');
    expect(find({ lost: 0.02 })).toBe('ok');
  });

  test('its decoder, before all else', () => {
    expect(find({ slowDecoder: true, lost: 0.2 }, source('bandwidth', true))).toBe('slow_decoder');
    expect(find({ slowDecoder: true }, { video: false })).toBe('ok');
  });

  test("the publisher's upload: when it loses packets, or when what it cannot send is missed", () => {
    expect(find({}, source('none', true))).toBe('weak_upload');
    expect(find({}, source('bandwidth'))).toBe('ok');
    expect(find({ frozen: 800 }, source('bandwidth'))).toBe('weak_upload');
    expect(find({}, { ...source('bandwidth'), ...low })).toBe('weak_upload');
  });

  test("the publisher's computer, where that is seen", () => {
    expect(find({ frameRate: 7 }, source('cpu'))).toBe('publisher_cpu');
    expect(find({}, source('cpu'))).toBe('ok');
  });

  test('UDP that does not get through, if the server offers it', () => {
    expect(find({ path: 'tcp' })).toBe('udp_blocked');
    expect(find({ path: 'relay' })).toBe('udp_blocked');
    expect(find({ path: 'tcp' }, { udpOffered: false })).toBe('ok');
  });

  test('its downlink: packets lost, a picture that stands, a smaller one than it wished for', () => {
    expect(find({ lost: 0.08 })).toBe('weak_downlink');
    expect(find({ frozen: 500 })).toBe('weak_downlink');
    expect(find({}, low)).toBe('weak_downlink');
    expect(find({}, { layers: { scales, current: null } })).toBe('weak_downlink');
    expect(find({}, { ...low, wished: 0 })).toBe('ok');
    expect(find({}, { layers: { scales, current: null }, video: false })).toBe('ok');
  });
});

describe("a publisher's health", () => {
  const observation = (stats: Partial<SendingStats>, look: Partial<PublisherObservation> = {}) => {
    const rest = { trouble: false, interrupted: false, audience: undefined, video: true, udpOffered: true };
    return { state: 'live' as const, ...rest, stats: { ...SENT, ...stats }, ...look };
  };
  const at = (stats: Partial<SendingStats>, look: Partial<PublisherObservation> = {}) => {
    const found = health(observation(stats, look));
    return found && `${found.light} ${found.reason}`;
  };
  const audience = (values: object) => ({
    audience: {
      viewers: 9,
      layers: [9],
      audioOnly: 0,
      reporting: 9,
      frozen: 0,
      overloaded: false,
      ...values,
    },
  });

  test('by its state', () => {
    expect(at({}, { state: 'idle' })).toBeUndefined();
    expect(at({}, { state: 'ended' })).toBeUndefined();
    expect(at({}, { state: 'connecting', stats: undefined })).toBe('amber connecting');
    expect(at({}, { state: 'connecting', trouble: true })).toBe('red media_blocked');
    expect(at({}, { state: 'reconnecting' })).toBe('red reconnecting');
    expect(at({}, { state: 'failed' })).toBe('red failed');
    expect(at({}, { stats: undefined })).toBe('green ok');
    expect(at({}, { trouble: true })).toBe('red media_blocked');
    expect(at({}, { interrupted: true })).toBe('amber interrupted');
  });

  test('by what it sends', () => {
    expect(at({})).toBe('green ok');
    expect(at({ bitrate: 0 })).toBe('red nothing_sent');
    expect(at({ lost: 0.15 })).toBe('red loss');
    expect(at({ lost: 0.05 })).toBe('amber loss');
    expect(at({ limitation: 'cpu' })).toBe('amber cpu');
    expect(at({ limitation: 'cpu', frameRate: 4 })).toBe('red cpu');
    expect(at({ limitation: 'bandwidth' })).toBe('amber bandwidth');
    expect(at({ limitation: 'bandwidth', frameRate: 0 }, { video: false })).toBe('amber bandwidth');
    expect(at({ limitation: 'other' })).toBe('green ok');
  });

  test('by what is around it', () => {
    expect(at({}, audience({ overloaded: true }))).toBe('amber server_overloaded');
    expect(at({}, audience({ frozen: 3 }))).toBe('amber viewers_frozen');
    expect(at({}, audience({ frozen: 1 }))).toBe('green ok');
    expect(at({}, audience({ reporting: 1, frozen: 1 }))).toBe('green ok');
    expect(at({ roundTrip: 700 })).toBe('amber slow_path');
    expect(at({ path: 'tcp' })).toBe('amber udp_blocked');
    expect(at({ path: 'tcp' }, { udpOffered: false })).toBe('green ok');
    expect(at({ path: 'relay' })).toBe('green ok');
  });

  test('what is certain is told at once, what is measured when it lasts', () => {
    const steady = new SteadyHealth();
    const look = (stats: Partial<SendingStats>, rest: Partial<PublisherObservation> = {}) =>
      steady.look(observation(stats, rest))?.reason;
    expect([look({ lost: 0.05 }), look({ lost: 0.05 }), look({ lost: 0.05 })]).toEqual(['ok', 'ok', 'loss']);
    expect(steady.now(observation({}))?.reason).toBe('loss');
    expect(steady.now(observation({}, { state: 'reconnecting' }))?.reason).toBe('reconnecting');
    expect(steady.now(observation({ lost: 0.05 }))?.reason).toBe('ok');
  });
});

describe('findings without flicker', () => {
  const told = (found: string) => {
    const steady = new Steady('.');
    return [...found].map((each) => steady.look(each)).join('');
  };

  test('told when most of the last looks had it, taken back when none had', () => {
    expect(told('xxx')).toBe('..x');
    expect(told('x.x.x')).toBe('....x');
    expect(told('x...x...x...')).toBe('............');
    expect(told('xxx.....')).toBe('..xxxxx.');
    expect(told('xxx.x.x.x.x.')).toBe('..xxxxxxxxxx');
    expect(told('xxxyyy')).toBe('..xxxy');
  });
});
