/** One run of the load: viewers join, watch and leave, and what they saw becomes a report. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { explained } from './explained.ts';
import { adviceOn, notesOn, reasonOf, reasonsOf } from './load-notes.ts';
import { type JoinOptions, join, type LoadViewer } from './load-viewer.ts';
import { type ProcessReport, percent, processReport, type Report, round, spread } from './report.ts';
import { type Joined, Swarm } from './swarm.ts';
import {
  droppedDatagrams,
  listenerAt,
  machineBusy,
  type Sample,
  sampleSelf,
  sampleTree,
  usage,
} from './usage.ts';

export type LoadOptions = JoinOptions & {
  viewers: number;
  perSecond: number;
  /** Seconds that they watch when all have joined. */
  duration: number;
  /** Our own, if there is one. */
  publisher: { pid: number; ended: string | undefined } | undefined;
  /** Once a second. */
  onProgress: (progress: LoadProgress) => void;
};

export type LoadProgress = {
  seconds: number;
  joined: number;
  failed: number;
  megabitsPerSecond: number;
  packets: number;
  lost: number;
  /** Shares of a core. */
  cpu: { load: number; server: number };
};

/** Milliseconds: CPU time is counted in hundredths of a second, which say nothing of a shorter time. */
const MEASURABLE = 500;

type Totals = { packets: number; bytes: number; lost: number };
type Part = ProcessReport['part'];
/** Everything that only its growth makes sense of. */
type Moment = Totals & { time: number; samples: Record<Part, Sample[]>; machine: number; dropped: number };

/** Ctrl-C (`signal`) ends it early, with a report all the same. @throws Error if not even the first viewer can join. */
export async function runLoad(options: LoadOptions): Promise<Report> {
  const run = new LoadRun(options, await listenerAt(options.url));
  const progress = setInterval(() => options.onProgress(run.progress()), 1_000);
  try {
    return await run.measure();
  } finally {
    clearInterval(progress);
    await run.leave();
  }
}

class LoadRun {
  readonly #options: LoadOptions;
  readonly #server: number | undefined;
  readonly #swarm = new Swarm<LoadViewer>();
  readonly #begin: Moment;
  #shown: Moment;

  constructor(options: LoadOptions, server: number | undefined) {
    this.#options = options;
    this.#server = server;
    this.#begin = this.#moment();
    this.#shown = this.#begin;
  }

  async measure(): Promise<Report> {
    await this.#join();
    const joined = this.#moment();
    await this.#watch(joined.time + this.#options.duration * 1000);
    const end = this.#moment();
    return this.#report(joined, end.time - joined.time < MEASURABLE ? joined : end);
  }

  progress(): LoadProgress {
    const [then, now] = [this.#shown, this.#moment()];
    this.#shown = now;
    const seconds = (now.time - then.time) / 1000;
    const cpu = (part: Part) =>
      usage(then.samples[part], now.samples[part], seconds).reduce((sum, each) => sum + each.cpu, 0);
    return {
      seconds: Math.round((now.time - this.#begin.time) / 1000),
      joined: this.#swarm.joined.length,
      failed: this.#swarm.failures.length,
      megabitsPerSecond: megabits(then, now),
      packets: now.packets,
      lost: now.lost,
      cpu: { load: cpu('load'), server: cpu('server') },
    };
  }

  leave(): Promise<void> {
    return this.#swarm.leave();
  }

  /** The first goes ahead: what would go wrong with all of them is told at once. */
  async #join(): Promise<void> {
    const { viewers, perSecond, signal, url } = this.#options;
    const common = { perSecond, signal, join: () => join(this.#options) };
    await this.#swarm.join({ ...common, count: 1 });
    const [failure] = this.#swarm.failures;
    if (failure) {
      throw new Error([explained(failure, url).message, ...adviceOn(reasonOf(failure))].join('\n'));
    }
    await this.#swarm.join({ ...common, count: viewers - 1 });
  }

  async #watch(until: number): Promise<void> {
    const { signal, publisher } = this.#options;
    for (;;) {
      const rest = until - performance.now();
      if (rest <= 0 || signal.aborted || publisher?.ended !== undefined) return;
      if (this.#viewers().every(({ ended }) => ended !== undefined)) return;
      await sleep(Math.min(rest, 1_000), undefined, { signal }).catch(() => undefined);
    }
  }

  #viewers(): LoadViewer[] {
    return this.#swarm.joined.map(({ viewer }) => viewer);
  }

  #moment(): Moment {
    const totals: Totals = { packets: 0, bytes: 0, lost: 0 };
    for (const { stats } of this.#viewers()) {
      totals.packets += stats.packets;
      totals.bytes += stats.bytes;
      totals.lost += stats.lost;
    }
    const { publisher } = this.#options;
    const samples = {
      server: this.#server === undefined ? [] : sampleTree(this.#server),
      publisher: publisher ? sampleTree(publisher.pid) : [],
      load: [sampleSelf()],
    };
    return {
      ...totals,
      time: performance.now(),
      samples,
      machine: machineBusy(),
      dropped: droppedDatagrams(),
    };
  }

  #report(joined: Moment, end: Moment): Report {
    const { url, stream, by, viewers, signal, publisher } = this.#options;
    const all = this.#viewers();
    const ends = all.flatMap(({ ended }) => ended ?? []);
    const seconds = (end.time - joined.time) / 1000;
    const busy = (from: Moment, to: Moment) =>
      percent((to.machine - from.machine) / Math.max(0.001, (to.time - from.time) / 1000));
    const report: Report = {
      url: url.href,
      stream,
      by,
      interrupted: signal.aborted,
      viewers: {
        asked: viewers,
        joined: all.length,
        failed: this.#swarm.failures.length,
        ended: ends.length,
        silent: all.filter(({ stats }) => stats.packets === 0).length,
      },
      reasons: reasonsOf(this.#swarm.failures, ends),
      joinMs: spread(this.#swarm.joined.map(({ beganAt, joinedAt }) => joinedAt - beganAt)),
      firstPacketMs: spread(this.#swarm.joined.flatMap(firstPacket)),
      watching: {
        seconds: round(seconds, 1),
        packets: end.packets - joined.packets,
        megabitsPerSecond: megabits(joined, end),
      },
      packets: end.packets,
      lost: end.lost,
      lostEach: spread(all.map(({ stats }) => stats.lost)),
      jitterMs: {
        audio: spread(all.flatMap(({ stats: { audio } }) => (audio.packets > 0 ? audio.jitter : []))),
        video: spread(all.flatMap(({ stats: { video } }) => (video.packets > 0 ? video.jitter : []))),
      },
      processes: this.#processes(joined, end),
      machine: {
        cores: cpus().length,
        joiningPercent: busy(this.#begin, joined),
        watchingPercent: busy(joined, end),
        droppedDatagrams: end.dropped - this.#begin.dropped,
      },
      publisherEnded: publisher?.ended ?? null,
      notes: [],
    };
    return { ...report, notes: notesOn(report) };
  }

  #processes(joined: Moment, end: Moment): ProcessReport[] {
    const between = (part: Part, from: Moment, to: Moment) =>
      usage(from.samples[part], to.samples[part], Math.max(0.001, (to.time - from.time) / 1000));
    return (['server', 'publisher', 'load'] as const).flatMap((part) =>
      processReport(part, between(part, this.#begin, joined), between(part, joined, end)),
    );
  }
}

function firstPacket({ beganAt, viewer }: Joined<LoadViewer>): number[] {
  const { firstPacketAt } = viewer.stats;
  return firstPacketAt === undefined ? [] : [firstPacketAt - beganAt];
}

function megabits(from: Moment, to: Moment): number {
  const seconds = (to.time - from.time) / 1000;
  return seconds > 0 ? round(((to.bytes - from.bytes) * 8) / 1e6 / seconds, 1) : 0;
}
