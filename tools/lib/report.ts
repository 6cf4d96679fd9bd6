/** What a load run has found: as a record, which is what --json prints, and as text. */
import type { Usage } from './usage.ts';

export type Spread = { median: number; p95: number; p99: number; most: number };

export type Report = {
  url: string;
  stream: string;
  by: 'whep' | 'ws';
  /** Ctrl-C came before the end. */
  interrupted: boolean;
  viewers: {
    asked: number;
    joined: number;
    failed: number;
    /** Joined, and watched to the end no longer. */
    ended: number;
    /** Joined, and not one packet came. */
    silent: number;
  };
  /** Why viewers failed or ended, most frequent first. */
  reasons: Reason[];
  /** From the first byte of a join until ICE and DTLS are through, and until the first RTP packet. */
  joinMs: Spread | null;
  firstPacketMs: Spread | null;
  /** While all watch. */
  watching: { seconds: number; packets: number; megabitsPerSecond: number };
  /** From each viewer's first packet to the end. */
  packets: number;
  lost: number;
  /** The same for all: it was lost before the server spread it. */
  lostEach: Spread | null;
  jitterMs: { audio: Spread | null; video: Spread | null };
  processes: ProcessReport[];
  machine: {
    cores: number;
    joiningPercent: number;
    watchingPercent: number;
    /** Datagrams that waited too long for their receiver, from begin to end, whosever they were. */
    droppedDatagrams: number;
  };
  /** Why our own publisher ended before the end. */
  publisherEnded: string | null;
  notes: string[];
};

export type Reason = { code?: string; reason: string; count: number };

export type ProcessReport = {
  part: 'server' | 'publisher' | 'load';
  name: string;
  pid: number;
  /** Of one core. */
  joiningPercent: number;
  watchingPercent: number;
  busiestThreadPercent: number | null;
  rssMegabytes: number;
};

/** Nearest rank. */
export function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0, 1);
  return { median: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
}

export function processReport(
  part: ProcessReport['part'],
  joining: readonly Usage[],
  watching: readonly Usage[],
): ProcessReport[] {
  return watching.map(({ pid, name, cpu, busiestThread, rss }) => ({
    part,
    name,
    pid,
    joiningPercent: percent(joining.find((usage) => usage.pid === pid)?.cpu ?? 0),
    watchingPercent: percent(cpu),
    busiestThreadPercent: busiestThread === undefined ? null : percent(busiestThread),
    rssMegabytes: round(rss / 1e6, 1),
  }));
}

export function formatReport(report: Report): string {
  const blocks = [
    headline(report),
    ...report.reasons.map(({ count, reason }) => `${count} x ${reason}`),
    '',
    ...columns(['milliseconds', 'median', 'p95', 'p99', 'most'], spreadRows(report)),
    '',
    ...mediaLines(report),
    '',
    ...columns(['CPU, % of a core', 'joining', 'watching', 'busiest thread', 'RSS, MB'], processRows(report)),
    ...report.notes.flatMap((note) => ['', note]),
  ];
  return blocks.join('\n');
}

const NAMES = { whep: 'WHEP', ws: 'WebSocket' } as const;

function headline({ viewers, url, stream, by, interrupted }: Report): string {
  const { asked, joined, failed, ended, silent } = viewers;
  const faults = [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(ended > 0 ? [`${ended} ended early`] : []),
    ...(silent > 0 ? [`${silent} got no packet`] : []),
    ...(interrupted ? ['interrupted'] : []),
  ];
  const what = `${joined} of ${asked} viewers joined "${stream}" at ${url} by ${NAMES[by]}`;
  return [what, ...faults].join(', ');
}

function spreadRows({ joinMs, firstPacketMs, jitterMs }: Report): string[][] {
  const rows: [string, Spread | null][] = [
    ['join', joinMs],
    ['first packet', firstPacketMs],
    ['jitter, video', jitterMs.video],
    ['jitter, audio', jitterMs.audio],
  ];
  return rows.map(([name, values]) => [
    name,
    ...(values ? [values.median, values.p95, values.p99, values.most].map(String) : ['-', '-', '-', '-']),
  ]);
}

function mediaLines({ viewers, watching, packets, lost, lostEach }: Report): string[] {
  const { seconds, megabitsPerSecond } = watching;
  const each = round(megabitsPerSecond / Math.max(1, viewers.joined), 2);
  const rate = seconds > 0 ? Math.round(watching.packets / seconds) : 0;
  const share = packets + lost > 0 ? (100 * lost) / (packets + lost) : 0;
  const spreadOut =
    lost > 0 && lostEach ? `; each viewer ${lostEach.median}, the worst ${lostEach.most}` : '';
  return [
    `watching   ${seconds} s: ${megabitsPerSecond} Mbit/s (${each} each), ${rate} packets/s`,
    `loss       ${lost} of ${packets + lost} packets (${share.toFixed(3)} %)${spreadOut}`,
  ];
}

const PARTS = { server: 'server', publisher: 'publisher', load: 'this tool' } as const;

function processRows({ processes, machine }: Report): string[][] {
  const rows = processes.map((process) => [
    `${PARTS[process.part]}: ${process.name} ${process.pid}`,
    String(process.joiningPercent),
    String(process.watchingPercent),
    String(process.busiestThreadPercent ?? '-'),
    String(process.rssMegabytes),
  ]);
  const { cores, joiningPercent, watchingPercent } = machine;
  const rest = (all: number, of: 'joiningPercent' | 'watchingPercent') =>
    String(Math.max(0, round(all - processes.reduce((sum, process) => sum + process[of], 0), 1)));
  return [
    ...rows,
    ['all else', rest(joiningPercent, 'joiningPercent'), rest(watchingPercent, 'watchingPercent'), '', ''],
    [`this machine, of ${cores * 100}`, String(joiningPercent), String(watchingPercent), '', ''],
  ];
}

/** The first column to the left, figures to the right. */
function columns(head: string[], rows: string[][]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd(),
  );
}

export const percent = (share: number): number => round(share * 100, 1);

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
