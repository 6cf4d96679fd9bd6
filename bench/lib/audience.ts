/** A process of viewers (viewers.ts). */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Answer, Call, Commands } from './viewers.ts';

type Pending = { resolve: (value: never) => void; reject: (error: Error) => void };

/** A process that is stopped does not notice that this one is gone. */
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
process.once('SIGINT', () => process.exit(130));

export class Audience {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'viewers.ts'));
    this.#child.on('message', (answer: Answer) => this.#childOnMessage(answer));
    children.add(this.#child);
    this.#child.once('exit', (code) => {
      children.delete(this.#child);
      for (const { reject } of this.#pending.values()) reject(new Error(`viewers exited (${code})`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask<K extends keyof Commands>(name: K, ...args: Parameters<Commands[K]>): ReturnType<Commands[K]> {
    const id = ++this.#lastId;
    const answered = new Promise<never>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#child.send({ id, name, args: args as never[] } satisfies Call);
    return answered as unknown as ReturnType<Commands[K]>;
  }

  /** Stops the process: what the server sends it is dropped by the kernel, and costs nothing but the sending. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** The viewers are gone without a goodbye. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #childOnMessage({ id, value, error }: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(value as never);
    else pending?.reject(new Error(error));
  }
}
