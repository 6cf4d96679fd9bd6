/**
 * Tells a program of the operator's what happens to recordings: a signed POST, in the order of
 * events, tried again if it fails. Nothing ever waits for it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import { type Endpoint, endpointOf, failureOf, postSigned } from '../base/signed-post.ts';
import type { Metadata } from './metadata.ts';
import { formatRecordingId, type RecordingId } from './names.ts';

export type HookEvent = 'recording.start' | 'recording.part' | 'recording.finish';

export type HookOptions = {
  url: string;
  secret: string;
  logger: Logger;
  now?: () => number;
  /** How long to wait after each attempt that failed; as many attempts and one. */
  retryMs?: readonly number[];
  timeoutMs?: number;
  maxWaiting?: number;
};

type Delivery = { id: string; event: HookEvent; recording: string; body: string };

const RETRY_MS = [1000, 4000, 15_000, 60_000, 300_000];
const TIMEOUT_MS = 10_000;
const MAX_WAITING = 500;

export class Hooks {
  readonly #options: Required<HookOptions>;
  readonly #endpoint: Endpoint;
  readonly #abort = new AbortController();
  readonly #queue: Delivery[] = [];
  #delivering = false;

  constructor(options: HookOptions) {
    const defaults = { now: Date.now, retryMs: RETRY_MS, timeoutMs: TIMEOUT_MS, maxWaiting: MAX_WAITING };
    this.#options = { ...defaults, ...options };
    this.#endpoint = endpointOf(options.url);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Only puts it into the queue. */
  send(event: HookEvent, id: RecordingId, metadata: Metadata): void {
    const { logger, now, maxWaiting } = this.#options;
    const recording = formatRecordingId(id);
    if (this.#abort.signal.aborted) return;
    if (this.#queue.length >= maxWaiting) {
      logger.warn({ recording, event }, 'hook dropped: too many wait');
      return;
    }
    const time = new Date(now()).toISOString();
    const body = JSON.stringify({ event, id: recording, time, recording: metadata });
    this.#queue.push({ id: randomUUID(), event, recording, body });
    if (!this.#delivering) void this.#deliver();
  }

  /** What has not been delivered is not any more. */
  close(): void {
    this.#abort.abort();
    this.#queue.length = 0;
  }

  async #deliver(): Promise<void> {
    this.#delivering = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      await this.#attempts(next);
      this.#queue.shift();
    }
    this.#delivering = false;
  }

  /** Never throws. */
  async #attempts(delivery: Delivery): Promise<void> {
    const { logger, retryMs } = this.#options;
    const { recording, event } = delivery;
    const { signal } = this.#abort;
    for (const [index, pause] of [...retryMs, undefined].entries()) {
      const failure = await this.#post(delivery);
      if (failure === undefined || signal.aborted) return;
      const attempt = index + 1;
      if (pause === undefined || failure.isFinal) {
        logger.error({ recording, event, attempt, reason: failure.reason }, 'hook given up');
        return;
      }
      logger.warn({ recording, event, attempt, reason: failure.reason }, 'hook failed');
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  async #post({ id, event, body }: Delivery): Promise<{ reason: string; isFinal: boolean } | undefined> {
    const { secret, now, timeoutMs } = this.#options;
    try {
      const response = await postSigned(this.#endpoint, {
        secret,
        body,
        now: now(),
        // The same delivery for each attempt, so that one heard twice is known.
        headers: { 'pharos-event': event, 'pharos-delivery': id },
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      if (response.ok) return undefined;
      return { reason: `it answered ${response.status}`, isFinal: isRefusal(response.status) };
    } catch (error) {
      return { reason: failureOf(error), isFinal: false };
    }
  }
}

/** The same again would be refused again; 408 and 429 ask for a later attempt, 404 may be a deployment. */
function isRefusal(status: number): boolean {
  return status >= 400 && status < 500 && ![404, 408, 425, 429].includes(status);
}
