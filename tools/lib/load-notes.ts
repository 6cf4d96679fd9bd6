/** What a person is told of a report beyond its figures: why viewers failed, what to do, and who was the bottleneck. */
import type { ProcessReport, Reason, Report } from './report.ts';

/** Above it, what waits for a thread or a core waits noticeably. Percent. */
const BUSY = 85;

/** By the server's code for it. */
const ADVICE: Record<string, string> = {
  too_many_requests:
    "The server's limits for one address are reached: raise PHAROS_LIMITS_JOINS_PER_ADDRESS and PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS there.",
  full: 'The stream, or the server, takes no more viewers: PHAROS_LIMITS_VIEWERS_PER_STREAM and PHAROS_LIMITS_MAX_LOAD there decide.',
};

/** Failures of the same reason together, most frequent first. */
export function reasonsOf(failures: readonly unknown[], ends: readonly string[]): Reason[] {
  const reasons = new Map<string, Reason>();
  const add = ({ code, reason }: Omit<Reason, 'count'>) => {
    const known = reasons.get(reason) ?? { ...(code !== undefined && { code }), reason, count: 0 };
    reasons.set(reason, { ...known, count: known.count + 1 });
  };
  for (const failure of failures) add(reasonOf(failure));
  for (const end of ends) add({ reason: `ended: ${end}` });
  return [...reasons.values()].sort((a, b) => b.count - a.count);
}

export function reasonOf(failure: unknown): Omit<Reason, 'count'> {
  if (!(failure instanceof Error)) return { reason: String(failure) };
  // What fetch says itself is "fetch failed".
  const told = failure.cause instanceof Error ? failure.cause : failure;
  const code = 'code' in told && typeof told.code === 'string' ? told.code : undefined;
  if (code === undefined) return { reason: told.message };
  return { code, reason: [code, told.message].filter(Boolean).join(': ') };
}

export function notesOn(report: Report): string[] {
  const publisher =
    report.publisherEnded === null ? [] : [`The publisher ended early. ${report.publisherEnded}`];
  const advice = new Set(report.reasons.flatMap(adviceOn));
  return [...publisher, ...advice, ...bottlenecks(report)];
}

/** What the operator can do about it. */
export function adviceOn({ code }: { code?: string }): string[] {
  const advice = code === undefined ? undefined : ADVICE[code];
  return advice === undefined ? [] : [advice];
}

function bottlenecks({ processes, machine }: Report): string[] {
  const notes = processes.filter(isBusy).map((process) => {
    if (process.part === 'load') {
      return 'This tool was at its limit: the figures tell of it, not of the server. Use fewer viewers, or several machines.';
    }
    const whose = process.part === 'server' ? "server's" : "publisher's";
    return `A thread of the ${whose} ${process.name} (${process.pid}) was at its limit.`;
  });
  if (machine.watchingPercent > BUSY * machine.cores) {
    notes.push('This machine was at its limit: whoever ran on it had to wait.');
  }
  if (machine.droppedDatagrams > 0) {
    notes.push(
      `This machine dropped ${machine.droppedDatagrams} datagrams that were not taken in time: loss on it, not on the network.`,
    );
  }
  return notes;
}

const isBusy = ({ busiestThreadPercent }: ProcessReport): boolean => (busiestThreadPercent ?? 0) > BUSY;
