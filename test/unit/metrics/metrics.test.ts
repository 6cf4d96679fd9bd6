import { expect, test } from 'vitest';
import type { Facts } from '../../../server/metrics/facts.ts';
import { Metrics } from '../../../server/metrics/metrics.ts';
import { FACTS } from './facts.ts';

async function lines(metrics: Metrics, name: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
}

test('what is told at a scrape is what the facts are then, counters too', async () => {
  let facts: Facts = FACTS;
  const metrics = new Metrics(async () => facts);
  expect(await lines(metrics, 'pharos_viewers{')).toEqual([
    'pharos_viewers{protocol="websocket"} 3',
    'pharos_viewers{protocol="whep"} 4',
  ]);
  expect(await lines(metrics, 'pharos_media_packets_total{worker="1"')).toEqual([
    'pharos_media_packets_total{worker="1",transport="webrtc",direction="out",kind="video"} 1000',
    'pharos_media_packets_total{worker="1",transport="webrtc",direction="in",kind="video"} 100',
  ]);
  facts = { ...FACTS, waiting: 9, refusals: { full: 8 } };
  expect(await lines(metrics, 'pharos_viewers_waiting')).toEqual(['pharos_viewers_waiting 9']);
  expect(await lines(metrics, 'pharos_refusals_total{code="full"}')).toEqual([
    'pharos_refusals_total{code="full"} 8',
  ]);
});

test('every error code is there from the start, so that a rate sees the first refusal', async () => {
  const metrics = new Metrics(async () => ({ ...FACTS, refusals: {} }));
  expect(await lines(metrics, 'pharos_refusals_total{code="server_full"}')).toEqual([
    'pharos_refusals_total{code="server_full"} 0',
  ]);
});

test('what is not known is not told as nothing', async () => {
  const recordings = { ...FACTS.recordings, freeBytes: undefined };
  const metrics = new Metrics(async () => ({ ...FACTS, recordings }));
  expect(await lines(metrics, 'pharos_recordings_free_bytes')).toEqual(['pharos_recordings_free_bytes Nan']);
  expect(await lines(metrics, 'pharos_worker_resident_memory_bytes')).toEqual([
    'pharos_worker_resident_memory_bytes{worker="1"} 30000000',
  ]);
});

test('joins, their durations and first frames', async () => {
  const metrics = new Metrics(async () => FACTS);
  const join = { kind: 'watch', protocol: 'whep' } as const;
  metrics.joins.accepted(join);
  metrics.joins.connected(join, 120);
  metrics.joins.firstFrame(250);
  expect(await lines(metrics, 'pharos_joins_total{')).toEqual([
    'pharos_joins_total{kind="watch",protocol="whep"} 1',
  ]);
  const durations = await lines(metrics, 'pharos_join_duration_seconds');
  expect(durations).toContain('pharos_join_duration_seconds_bucket{le="0.1",kind="watch",protocol="whep"} 0');
  expect(durations).toContain('pharos_join_duration_seconds_bucket{le="0.2",kind="watch",protocol="whep"} 1');
  expect(durations).toContain('pharos_join_duration_seconds_sum{kind="watch",protocol="whep"} 0.12');
  expect(await lines(metrics, 'pharos_first_frame_seconds_sum')).toEqual([
    'pharos_first_frame_seconds_sum 0.25',
  ]);
});

test('two servers in one process do not share counts', async () => {
  const [one, other] = [new Metrics(async () => FACTS), new Metrics(async () => FACTS)];
  one.joins.firstFrame(100);
  expect(await lines(other, 'pharos_first_frame_seconds_count')).toEqual([
    'pharos_first_frame_seconds_count 0',
  ]);
});
