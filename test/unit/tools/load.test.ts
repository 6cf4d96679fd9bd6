import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../tools/lib/command.ts';
import { readArguments, TEST_FILE } from '../../../tools/lib/load-arguments.ts';
import { notesOn, reasonsOf } from '../../../tools/lib/load-notes.ts';
import { formatReport, type ProcessReport, type Report, spread } from '../../../tools/lib/report.ts';
import { Refused } from '../../../tools/lib/resource.ts';
import { SignalRefusal } from '../../../tools/lib/signal-refusal.ts';
import { Swarm } from '../../../tools/lib/swarm.ts';
import { sampleSelf, usage } from '../../../tools/lib/usage.ts';

describe('arguments', () => {
  test('what is left out', () => {
    expect(readArguments(['--stream', 'x', '--key', 'k'])).toEqual({
      url: new URL('http://localhost:3000/'),
      stream: 'x',
      viewers: 100,
      perSecond: 50,
      duration: 60,
      by: 'whep',
      publish: undefined,
      key: 'k',
      json: false,
    });
    expect(readArguments(['--help'])).toBe('help');
  });

  test('all of them', () => {
    const line =
      '--url https://h/live?x#y --stream x_1 --viewers 300 --ramp 12.5/s --duration 5s --ws --publish f --json';
    expect(readArguments([...line.split(' '), '--key', 'k'])).toEqual({
      url: new URL('https://h/live/'),
      stream: 'x_1',
      viewers: 300,
      perSecond: 12.5,
      duration: 5,
      by: 'ws',
      publish: 'f',
      key: 'k',
      json: true,
    });
  });

  test.each([['--publish'], ['--publish --ws'], ['--publish test']])('%s: a file of its own', (line) => {
    expect(readArguments(line.split(' '))).toMatchObject({ publish: TEST_FILE, stream: 'load' });
  });

  test.each([
    ['', /--stream is missing/],
    ['--stream a/b', /--stream a\/b cannot be/],
    ['--stream x --url localhost', /--url localhost/],
    ['--stream x --viewers 0', /--viewers 0 cannot be: a number from 1 to 5000/],
    ['--stream x --viewers 5001', /--viewers 5001/],
    ['--stream x --viewers 1.5', /--viewers 1.5/],
    ['--stream x --ramp 50/m', /--ramp 50\/m/],
    ['--stream x --ramp 0', /--ramp 0/],
    ['--stream x --duration long', /--duration long/],
    ['--stream x --duration 0', /--duration 0/],
    ['--stream x --what', /--what/],
    ['--stream x y', /y/],
  ])('refused: %s', (line, reason) => {
    const read = () => readArguments(line.split(' ').filter(Boolean));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(reason);
  });
});

const PROCESS: ProcessReport = {
  part: 'load',
  name: 'node',
  pid: 12,
  joiningPercent: 80,
  watchingPercent: 41.5,
  busiestThreadPercent: 20,
  rssMegabytes: 200,
};

const REPORT: Report = {
  url: 'http://localhost:3000/',
  stream: 'x',
  by: 'ws',
  interrupted: false,
  viewers: { asked: 100, joined: 98, failed: 2, ended: 1, silent: 0 },
  reasons: [{ code: 'full', reason: 'full: the stream is full', count: 2 }],
  joinMs: { median: 40, p95: 80.5, p99: 90, most: 120 },
  firstPacketMs: null,
  watching: { seconds: 10, packets: 20_000, megabitsPerSecond: 137.2 },
  packets: 24_990,
  lost: 10,
  lostEach: { median: 0, p95: 1, p99: 2, most: 3 },
  jitterMs: { audio: null, video: { median: 3, p95: 4, p99: 5, most: 6 } },
  processes: [PROCESS],
  machine: { cores: 2, joiningPercent: 150, watchingPercent: 110, droppedDatagrams: 0 },
  publisherEnded: null,
  notes: ['A note.'],
};

describe('the report', () => {
  test('as text', () => {
    const text = formatReport(REPORT);
    expect(text).toMatch(/^98 of 100 viewers joined "x" at \S+ by WebSocket, 2 failed, 1 ended early$/m);
    expect(text).toMatch(/^2 x full: the stream is full$/m);
    expect(text).toMatch(/^join +40 +80.5 +90 +120$/m);
    expect(text).toMatch(/^first packet +- +- +- +-$/m);
    expect(text).toContain('10 s: 137.2 Mbit/s (1.4 each), 2000 packets/s');
    expect(text).toContain('10 of 25000 packets (0.040 %); each viewer 0, the worst 3');
    expect(text).toMatch(/^this tool: node 12 +80 +41.5 +20 +200$/m);
    expect(text).toMatch(/^all else +70 +68.5$/m);
    expect(text).toMatch(/^this machine, of 200 +150 +110$/m);
    expect(text.endsWith('\n\nA note.')).toBe(true);
  });

  test('nobody joined: no figure is out of nothing', () => {
    const nobody = formatReport({
      ...REPORT,
      viewers: { asked: 5, joined: 0, failed: 0, ended: 0, silent: 0 },
      watching: { seconds: 0, packets: 0, megabitsPerSecond: 0 },
      packets: 0,
      lost: 0,
      interrupted: true,
    });
    expect(nobody).toContain('0 of 5 viewers joined "x"');
    expect(nobody).toContain('interrupted');
    expect(nobody).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('quantiles by nearest rank', () => {
    expect(spread([])).toBeNull();
    expect(spread([7])).toEqual({ median: 7, p95: 7, p99: 7, most: 7 });
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(spread(hundred)).toEqual({ median: 50, p95: 95, p99: 99, most: 100 });
  });

  test('reasons are counted, by what the server said', () => {
    const fetchFailed = new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect ECONNRESET'), { code: 'ECONNRESET' }),
    });
    const full = new SignalRefusal({ code: 'full', message: 'no more' });
    const failures = [fetchFailed, full, new Refused(429, 'slowly', 'too_many_requests'), full];
    expect(reasonsOf(failures, ['stopped'])).toEqual([
      { code: 'full', reason: 'full: no more', count: 2 },
      { code: 'ECONNRESET', reason: 'ECONNRESET: connect ECONNRESET', count: 1 },
      { code: 'too_many_requests', reason: 'too_many_requests: slowly', count: 1 },
      { reason: 'ended: stopped', count: 1 },
    ]);
  });

  test('notes: what to do, and who was the bottleneck', () => {
    const { machine } = REPORT;
    const worker = {
      ...PROCESS,
      part: 'server',
      name: 'mediasoup-worker',
      busiestThreadPercent: 97,
    } as const;
    expect(notesOn({ ...REPORT, reasons: [] })).toEqual([]);
    const notes = (changed: Partial<Report>) => notesOn({ ...REPORT, reasons: [], ...changed }).join('\n');
    const refused = [{ code: 'too_many_requests', reason: 'slowly', count: 3 }];
    expect(notes({ reasons: refused })).toMatch(/PHAROS_LIMITS_JOINS_PER_ADDRESS/);
    expect(notes({ processes: [{ ...PROCESS, busiestThreadPercent: 90 }] })).toMatch(
      /This tool was at its limit/,
    );
    expect(notes({ processes: [worker] })).toMatch(/server's mediasoup-worker \(12\) was at its limit/);
    expect(notes({ machine: { ...machine, watchingPercent: 190 } })).toMatch(/This machine was at its limit/);
    expect(notes({ machine: { ...machine, droppedDatagrams: 5 } })).toMatch(/dropped 5 datagrams/);
    expect(notes({ publisherEnded: 'gone' })).toMatch(/publisher ended early. gone/);
  });
});

describe('a swarm', () => {
  const nobody = { close: async () => undefined };

  test('joins at its rate, whatever becomes of those before', async () => {
    const began: number[] = [];
    const swarm = new Swarm();
    const first = Promise.withResolvers<void>();
    await swarm.join({
      count: 11,
      perSecond: 100,
      join: async (index) => {
        began.push(performance.now());
        if (index === 0) await first.promise;
        if (index === 10) first.resolve();
        if (index % 5 === 4) throw new Error(`no ${index}`);
        return nobody;
      },
    });
    expect(swarm.joined).toHaveLength(9);
    expect(swarm.failures.map(String)).toEqual(['Error: no 4', 'Error: no 9']);
    // A timer may be a millisecond early.
    for (const [index, time] of began.entries()) {
      expect(time - (began[0] ?? 0)).toBeGreaterThan(index * 10 - 2);
    }
    const late = swarm.joined.at(-1);
    expect((late?.joinedAt ?? 0) - (late?.beganAt ?? 0)).toBeGreaterThan(90);
  });

  test('aborted, no more begin, and what fails for that did not fail', async () => {
    const stop = new AbortController();
    const swarm = new Swarm();
    await swarm.join({
      count: 1000,
      perSecond: 10,
      signal: stop.signal,
      join: async () => {
        stop.abort();
        throw new Error('aborted');
      },
    });
    expect(swarm).toMatchObject({ joined: [], failures: [] });
  });

  test('all leave, also if one cannot', async () => {
    const left: number[] = [];
    const swarm = new Swarm();
    await swarm.join({
      count: 120,
      perSecond: 1e6,
      join: async (index) => ({
        close: async () => {
          left.push(index);
          if (index === 60) throw new Error('cannot');
        },
      }),
    });
    await swarm.leave();
    expect(left.sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, index) => index));
  });
});

test('CPU is what grew between two samples', () => {
  const self = sampleSelf();
  expect(self).toMatchObject({ pid: process.pid, cpu: expect.any(Number) });
  expect(self.rss).toBeGreaterThan(1e6);
  const before = { pid: 1, name: 'a', cpu: 10, threads: new Map([[1, 7]]), rss: 1 };
  const threads = new Map([[1, 8]]).set(2, 1.5);
  const after = { ...before, cpu: 12, threads, rss: 5 };
  const child = { pid: 2, name: 'b', cpu: 1, threads: new Map(), rss: 1 };
  expect(usage([before], [after, child], 2)).toEqual([
    { pid: 1, name: 'a', cpu: 1, busiestThread: 0.75, rss: 5 },
    { pid: 2, name: 'b', cpu: 0.5, busiestThread: undefined, rss: 1 },
  ]);
});
