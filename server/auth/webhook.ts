/** Asks a program of the operator's whether somebody may do something. Whatever goes wrong means no. */
import { z } from 'zod';
import { type Config, grantLimitsSchema } from '../../config/schema.ts';
import { addressKey, KeyedLimiter } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { type Endpoint, endpointOf, failureOf, postSigned, readAtMost } from '../base/signed-post.ts';
import { type Action, subjectOfAddress, subjectOfToken, subjectSchema, type Terms } from './grant.ts';

/** All of it may be left out, the body too. */
const answerSchema = z.object({
  subject: subjectSchema.optional(),
  /** Seconds since 1970, as `exp` in a JWT. */
  expires: z.number().optional(),
  limits: grantLimitsSchema.default({}),
});

/** Asked at the same time; the others wait, within the same time limit. */
const CONCURRENCY = 32;
const MAX_WAITING = 1000;
/** Questions from one address in a row, and in a minute after that. */
const QUESTIONS = { burst: 600, perMinute: 600 };
const ANSWER_BYTES = 16_384;

export type WebhookQuestion = {
  action: Action;
  stream: string | undefined;
  token: string | undefined;
  address: string;
};

/** 'failed': it gave no answer that says anything about the token. */
export type WebhookAnswer = Terms | 'refused' | 'failed';

export class Webhook {
  readonly #endpoint: Endpoint;
  readonly #settings: Config['auth']['webhook'];
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #questions = new KeyedLimiter({ rate: QUESTIONS.perMinute / 60, burst: QUESTIONS.burst });
  readonly #waiting = new Set<(turn: boolean) => void>();
  #asking = 0;

  constructor(settings: Config['auth']['webhook'], { logger, now }: { logger: Logger; now: () => number }) {
    this.#endpoint = endpointOf(settings.url);
    this.#settings = settings;
    this.#logger = logger;
    this.#now = now;
  }

  /** Never throws, and never takes longer than `timeout`. */
  async ask(question: WebhookQuestion): Promise<WebhookAnswer> {
    if (!this.#questions.take(addressKey(question.address), performance.now())) return 'failed';
    const signal = AbortSignal.timeout(this.#settings.timeout);
    if (!(await this.#turn(signal))) return this.#failed(question, 'too many wait to be asked');
    try {
      return await this.#ask(question, signal);
    } catch (error) {
      return this.#failed(question, failureOf(error));
    } finally {
      this.#passOn();
    }
  }

  async #ask(question: WebhookQuestion, signal: AbortSignal): Promise<WebhookAnswer> {
    const { action, stream, token, address } = question;
    const body = JSON.stringify({ action, stream: stream ?? null, token: token ?? null, address });
    const { secret } = this.#settings;
    const response = await postSigned(this.#endpoint, { secret, body, now: this.#now(), signal });
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status >= 400 && response.status < 500) return 'refused';
      return this.#failed(question, `it answered ${response.status}`);
    }
    const text = await readAtMost(response, ANSWER_BYTES);
    const answer = text === undefined ? undefined : parse(text);
    if (!answer) return this.#failed(question, 'its answer is not as it should be');
    return {
      subject: answer.subject ?? (token === undefined ? subjectOfAddress(address) : subjectOfToken(token)),
      actions: [action],
      streams: stream ?? '*',
      issuedAt: this.#now(),
      expires: answer.expires === undefined ? undefined : answer.expires * 1000,
      limits: answer.limits,
    };
  }

  /** Waits for its turn; false if that does not come. */
  #turn(signal: AbortSignal): boolean | Promise<boolean> {
    if (this.#asking < CONCURRENCY) {
      this.#asking += 1;
      return true;
    }
    if (this.#waiting.size >= MAX_WAITING) return false;
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => this.#waiting.delete(resolve) && resolve(false), { once: true });
    });
  }

  /** Gives the place to the one who has waited the longest. */
  #passOn(): void {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next(true);
    } else {
      this.#asking -= 1;
    }
  }

  #failed({ action, stream }: WebhookQuestion, reason: string): 'failed' {
    this.#logger.warn({ action, streamId: stream, reason }, 'auth webhook failed');
    return 'failed';
  }
}

function parse(text: string): z.infer<typeof answerSchema> | undefined {
  try {
    return answerSchema.safeParse(text.trim() === '' ? {} : JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
