import { deferred } from './deferred.ts';
import { type PharosClientError, toClientError } from './errors.ts';
import type { Reconnect } from './reconnect.ts';
import { isTold } from './retry.ts';
import { sleep } from './sleep.ts';

/** One try at being connected: from its start until whatever ends it, with what has to be undone then. */
export class Attempt {
  readonly #over = deferred<PharosClientError>();
  readonly #undo: ((reason: PharosClientError) => void)[] = [];
  #reason: PharosClientError | undefined;

  /** Resolves with the reason, once the attempt is over. */
  get over(): Promise<PharosClientError> {
    return this.#over.promise;
  }

  get ended(): boolean {
    return this.#reason !== undefined;
  }

  end(reason: PharosClientError): void {
    if (this.#reason) return;
    this.#reason = reason;
    for (const undo of this.#undo.reverse()) undo(reason);
    this.#over.resolve(reason);
  }

  /** Has `undo` called at the end, or now if that has come. */
  onEnd(undo: (reason: PharosClientError) => void): void {
    if (this.#reason) undo(this.#reason);
    else this.#undo.push(undo);
  }

  /** The result of `work`; rejects as soon as the attempt is over, so nothing after it runs in vain. */
  async during<T>(work: Promise<T>): Promise<T> {
    const over = this.over.then((reason) => Promise.reject(reason));
    const result = await Promise.race([over, work]);
    // The work may have won by a hair.
    if (this.#reason) throw this.#reason;
    return result;
  }
}

type Persistence = {
  signal: AbortSignal;
  reconnect: Reconnect;
  /** Sets up; what it throws ends the attempt. */
  start(attempt: Attempt): Promise<void>;
  /** The attempt is over; whether to make another. */
  again(reason: PharosClientError): boolean;
  /** What ends the attempt under way when `signal` is aborted. */
  stopped(): PharosClientError;
};

/** Attempt after attempt until one ends for good; returns why it did. */
export async function persist(options: Persistence): Promise<PharosClientError> {
  const { signal, reconnect, start, again, stopped } = options;
  for (;;) {
    const attempt = new Attempt();
    const abort = () => attempt.end(stopped());
    signal.addEventListener('abort', abort);
    start(attempt).catch((error: unknown) => attempt.end(toClientError(error)));
    const reason = await attempt.over;
    signal.removeEventListener('abort', abort);
    if (signal.aborted || !again(reason)) return reason;
    await sleep(reconnect.nextDelay(isTold(reason)), signal);
    if (signal.aborted) return stopped();
  }
}
