/** An hour's coming and going at random, and what must be so all along. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MediaKind } from './rtp.ts';
import type { RtpSource } from './rtp-source.ts';
import {
  crowd,
  publish,
  type SoakPublisher,
  type SoakViewer,
  type Wires,
  watchByWhep,
  watchByWs,
} from './soak-clients.ts';
import type { Counts, SoakServer } from './soak-server.ts';

export type SoakPlan = {
  server: SoakServer;
  wires: Wires;
  source: RtpSource;
  /** From 0 to 1, of a seed. */
  random: () => number;
  /** Of the whole. */
  milliseconds: number;
  /** Media workers are killed too. */
  killWorkers: boolean;
  signal: AbortSignal;
  /** Is given what the source's packets are to be sent by: all publishers send the same. */
  onPublishers: (send: (kind: MediaKind, packet: Buffer) => void) => void;
  onProgress: (text: string) => void;
};

export type SoakResult = {
  done: Record<string, number>;
  checks: number;
  broken: string[];
  /** Each time when all was at rest. */
  memory: ReturnType<SoakServer['memory']>[];
  /** The longest time in ms in which the source itself gave nothing: a busy machine's doing. */
  sourceGap: number;
};

/** Milliseconds. Every so often all is left alone, and what is held is compared with what the server counts. */
const QUIET_EVERY = 60_000;
/** In which the server has to have noticed everything: consent that expires, grace, checks of recordings. */
const NOTICED = 45_000;
const LOOK_EVERY = 1_000;
/** A viewer of a live stream gets something within this. */
const SILENCE = 5_000;
/** What a dead worker had may take as long as consent does (RFC 7675) until it is known to be gone. */
const AFTERMATH = 40_000;
/** Milliseconds of which a recording says that they are missing. */
const STALLED = 1_000;
const PAUSE = { least: 50, most: 400 };
const MOST = { streams: 5, viewers: 40, crowds: 2 };
const STREAMS = ['a', 'b', 'c', 'd', 'e', 'f'];

/** What is done how often, of all together. */
const WEIGHTS = {
  publish: 10,
  'stop publishing': 4,
  'take over': 3,
  'join by WHEP': 14,
  'join by WebSocket': 18,
  leave: 15,
  'cut a socket': 6,
  'start a recording': 4,
  'stop a recording': 4,
  'bring a crowd': 2,
  'kill a crowd': 3,
  'kill a worker': 0.5,
};
type Action = keyof typeof WEIGHTS;

/** Resolves when the time is over and all are gone. */
export async function runSoak(plan: SoakPlan): Promise<SoakResult> {
  const soak = new Soak(plan);
  try {
    await soak.run();
  } finally {
    await soak.leave();
  }
  await soak.emptied();
  return soak.result;
}

class Soak {
  readonly result: SoakResult = { done: {}, checks: 0, broken: [], memory: [], sourceGap: 0 };
  readonly #plan: SoakPlan;
  readonly #publishers = new Map<string, SoakPublisher>();
  readonly #viewers = new Set<SoakViewer>();
  readonly #crowds = new Set<ChildProcess>();
  /** When those were seen to have got something last, and how much they had then. */
  readonly #heard = new WeakMap<SoakViewer, { at: number; packets: number }>();
  #worrying = 0;
  /** A worker, since all was at rest. */
  #killed = false;

  constructor(plan: SoakPlan) {
    this.#plan = plan;
    let last = performance.now();
    plan.onPublishers((kind, packet) => {
      const now = performance.now();
      this.result.sourceGap = Math.max(this.result.sourceGap, now - last);
      last = now;
      // Each in its own copy: a packet is encrypted where it lies.
      for (const { client } of this.#publishers.values()) client.send(kind, Buffer.from(packet));
    });
  }

  async run(): Promise<void> {
    const { milliseconds, signal } = this.#plan;
    const end = performance.now() + milliseconds;
    const quietEvery = Math.min(QUIET_EVERY, milliseconds / 2);
    let quietAt = performance.now() + quietEvery;
    let lookAt = 0;
    while (performance.now() < end && !signal.aborted) {
      await this.#act();
      const now = performance.now();
      if (now >= lookAt) {
        await this.#look(now);
        lookAt = performance.now() + LOOK_EVERY;
      }
      if (now >= quietAt) {
        await this.#compare();
        quietAt = performance.now() + quietEvery;
      }
      await sleep(PAUSE.least + this.#plan.random() * (PAUSE.most - PAUSE.least));
    }
  }

  async leave(): Promise<void> {
    for (const child of this.#crowds) child.kill('SIGKILL');
    const all = [...this.#viewers, ...[...this.#publishers.values()].map(({ client }) => client)];
    await Promise.all(all.map((each) => each.close()));
    this.#viewers.clear();
    this.#publishers.clear();
    this.#crowds.clear();
  }

  /** Nothing is left, at the server neither. */
  async emptied(): Promise<void> {
    const { server } = this.#plan;
    await this.#becomes('when all have left', async () => {
      const left = Object.entries({ ...(await server.counts()), ffmpeg: server.ffmpegs() });
      return left.flatMap(([name, count]) => (count === 0 ? [] : `${count} ${name} are left`));
    });
    for (const { id, verdict, why, file, duration } of await server.recordings()) {
      if (verdict === null) this.#break(`the recording ${id} has no verdict on ${file}`);
      // What was never sent is missing rightly.
      const excused = this.result.sourceGap > STALLED && /^there is no (picture|sound) from/.test(why);
      if (verdict === 'damaged' && !excused) {
        this.#break(`of the recording ${id} ${file} (${duration} s) is damaged: ${why}`);
      }
    }
    for (const error of server.errors().slice(0, 5)) this.#break(`the server logs an error: ${error}`);
  }

  async #act(): Promise<void> {
    const name = this.#choose();
    try {
      if (await this.#do(name)) this.result.done[name] = (this.result.done[name] ?? 0) + 1;
    } catch (error) {
      // Somebody else may have been faster, or a worker is just being replaced: counted, not broken.
      const refused = `${name}: ${error instanceof Error ? error.message : error}`.slice(0, 90);
      this.result.done[refused] = (this.result.done[refused] ?? 0) + 1;
    }
  }

  #choose(): Action {
    const entries = Object.entries(WEIGHTS) as [Action, number][];
    let left = this.#plan.random() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    return 'leave';
  }

  /** False where there was nothing to do it to. */
  async #do(action: Action): Promise<boolean> {
    const { server, wires, source } = this.#plan;
    const stream = this.#pick(STREAMS);
    const live = this.#pick([...this.#publishers.keys()]);
    const viewer = this.#pick([...this.#viewers]);
    switch (action) {
      case 'publish':
      case 'take over': {
        // The same encoder comes again while its old session still looks alive.
        const id = action === 'publish' ? stream : live;
        const known = id === undefined ? undefined : this.#publishers.get(id);
        if (id === undefined || (action === 'publish') === (known !== undefined)) return false;
        if (action === 'publish' && this.#publishers.size >= MOST.streams) return false;
        if (known) await this.#drop(known);
        this.#publishers.set(id, await publish(server.url, id, source));
        return true;
      }
      case 'stop publishing': {
        const publisher = live === undefined ? undefined : this.#publishers.get(live);
        if (!publisher) return false;
        await this.#drop(publisher);
        return true;
      }
      case 'join by WHEP':
        if (live === undefined || this.#viewers.size >= MOST.viewers) return false;
        this.#viewers.add(await watchByWhep(server.url, live));
        return true;
      case 'join by WebSocket':
        if (stream === undefined || this.#viewers.size >= MOST.viewers) return false;
        this.#viewers.add(await watchByWs(wires, stream));
        return true;
      case 'leave':
        if (!viewer) return false;
        this.#viewers.delete(viewer);
        await viewer.close();
        return true;
      case 'cut a socket':
        if (viewer?.by !== 'ws') return false;
        viewer.cut();
        return true;
      case 'start a recording':
      case 'stop a recording': {
        if (live === undefined) return false;
        const status = await server.record(live, action === 'start a recording');
        if (status >= 500) this.#break(`${action}: HTTP ${status}`);
        return status < 300;
      }
      case 'bring a crowd':
        if (live === undefined || this.#crowds.size >= MOST.crowds) return false;
        this.#crowds.add(crowd(server.url, live, 3, this.#plan.random() < 0.5 ? 'ws' : 'whep'));
        return true;
      case 'kill a crowd': {
        const child = this.#pick([...this.#crowds]);
        if (!child) return false;
        this.#crowds.delete(child);
        child.kill('SIGKILL');
        return true;
      }
      case 'kill a worker':
        if (!this.#plan.killWorkers || performance.now() < this.#worrying) return false;
        server.killWorker(this.#plan.random() < 0.5 ? 0 : 1);
        this.#worrying = performance.now() + AFTERMATH;
        this.#killed = true;
        return true;
    }
  }

  async #drop(publisher: SoakPublisher): Promise<void> {
    this.#publishers.delete(publisher.stream);
    await publisher.client.close();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#plan.random() * items.length)];
  }

  /** Those that are over are let go of, and those who watch a live stream have got something. */
  async #look(now: number): Promise<void> {
    await this.#letGo();
    const worrying = now < this.#worrying;
    for (const viewer of [...this.#viewers]) {
      const { packets } = viewer.stats;
      const before = this.#heard.get(viewer);
      if (!before || packets > before.packets) this.#heard.set(viewer, { at: now, packets });
      const publisher = this.#publishers.get(viewer.stream);
      if (!publisher || viewer.since === undefined) continue;
      this.result.checks += 1;
      if (!before || packets > before.packets) continue;
      const silent = now - Math.max(before.at, viewer.since, publisher.since);
      if (silent < SILENCE) continue;
      // Of what was on a dead worker a WHEP player hears only by the silence, and asks anew.
      if (!worrying) {
        this.#break(`a viewer of ${viewer.stream} by ${viewer.by} got nothing for ${Math.round(silent)} ms`);
      }
      this.#viewers.delete(viewer);
      await viewer.close();
    }
    const streams = this.#publishers.size;
    this.#plan.onProgress(
      `${streams} streams, ${this.#viewers.size} viewers, ${this.#crowds.size} crowds; ${this.result.broken.length} broken`,
    );
  }

  async #letGo(): Promise<void> {
    for (const viewer of [...this.#viewers]) {
      if (viewer.ended === undefined) continue;
      this.#viewers.delete(viewer);
      await viewer.close();
    }
    for (const publisher of [...this.#publishers.values()]) if (publisher.lost) await this.#drop(publisher);
    for (const child of [...this.#crowds]) if (child.exitCode !== null) this.#crowds.delete(child);
  }

  /** Of a dead worker's viewers libdatachannel's hear by nothing but silence, also where nobody publishes any more. */
  async #forgetSilent(): Promise<void> {
    const now = performance.now();
    for (const viewer of [...this.#viewers]) {
      const { packets } = viewer.stats;
      const before = this.#heard.get(viewer);
      if (!before || packets > before.packets) this.#heard.set(viewer, { at: now, packets });
      else if (viewer.by === 'whep' && now - before.at > SILENCE) {
        this.#viewers.delete(viewer);
        await viewer.close();
      }
    }
  }

  /** With everybody at rest both sides count alike. Crowds are killed: nobody knows how far they have come. */
  async #compare(): Promise<void> {
    this.#plan.onProgress('comparing counts');
    for (const child of this.#crowds) child.kill('SIGKILL');
    this.#crowds.clear();
    await this.#becomes('at rest', async () => {
      await this.#letGo();
      if (this.#killed) await this.#forgetSilent();
      const counts = await this.#plan.server.counts();
      const held = {
        streams: this.#publishers.size,
        publishers: this.#publishers.size,
        viewers: this.#viewers.size,
      };
      return (Object.keys(held) as (keyof typeof held)[]).flatMap((name) => different(name, held, counts));
    });
    this.#killed = false;
    this.result.memory.push(this.#plan.server.memory());
  }

  /** What is wrong has to become nothing in time. */
  async #becomes(when: string, wrong: () => Promise<string[]>): Promise<void> {
    const deadline = performance.now() + NOTICED;
    for (;;) {
      const found = await wrong();
      this.result.checks += 1;
      if (found.length === 0) return;
      if (performance.now() > deadline) return this.#break(`${when}: ${found.join('; ')}`);
      await sleep(500);
    }
  }

  #break(what: string): void {
    this.result.broken.push(what);
  }
}

function different(name: keyof Counts, held: Partial<Counts>, counts: Counts): string[] {
  return held[name] === counts[name] ? [] : [`${name}: ${held[name]} held, ${counts[name]} counted`];
}
