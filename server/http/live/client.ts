import type { WebSocket } from 'ws';
import type { EndOfGrant, Grant } from '../../auth/grant.ts';
import { PharosError } from '../../base/errors.ts';
import { TokenBucket } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import { CLOSE_CODES, type ErrorCode } from '../../protocol/codes.ts';
import { type LiveMessage, type LiveRequest, liveRequest } from '../../protocol/live.ts';

/** How long a page may take to say who it is. */
const HELLO_MS = 5000;
/** What a person clicks, and no more. */
const MESSAGES = { rate: 5, burst: 20 };
/** More than this unsent, and updates wait until it is less. */
const BEHIND_BYTES = 262_144;
/** After so many updates that had to wait, one after the other, it is disconnected. */
const MOST_MISSED = 10;

type Options = {
  ws: WebSocket;
  logger: Logger;
  /** @throws PharosError. */
  authorize(key: string): Promise<Grant>;
  /** It may be told from now on. */
  onWelcome(client: LiveClient): void;
  /** It looks at another stream, or at none. */
  onOpen(client: LiveClient): void;
  onRefusal(code: ErrorCode): void;
};

/** One open dashboard: nothing is told to it before its key holds, nor after. */
export class LiveClient {
  readonly #options: Options;
  readonly #messages = new TokenBucket({ ...MESSAGES, now: performance.now() });
  readonly #hello: NodeJS.Timeout;
  #state: 'new' | 'asking' | 'welcome' | 'closed' = 'new';
  #dropGrant: (() => void) | undefined;
  #missed = 0;
  /** The stream that it looks at. */
  stream: string | null = null;

  constructor(options: Options) {
    this.#options = options;
    const { ws, logger } = options;
    this.#hello = setTimeout(
      () => this.close(CLOSE_CODES.policyViolation, 'idle', 'nothing was said of who this is'),
      HELLO_MS,
    );
    ws.on('message', (data, binary) => this.#wsOnMessage(String(data), binary));
    ws.on('ping', () => this.#spend());
    ws.on('pong', () => this.#spend());
    ws.on('error', (error) => {
      logger.debug({ error: error.message }, 'dashboard socket error');
      options.onRefusal('bad_request');
    });
    ws.on('close', () => this.#release());
  }

  send(message: LiveMessage): void {
    this.#send(JSON.stringify(message));
  }

  /**
   * Tells what goes to many, encoded once. One who is behind is spared it, and gets all of it later.
   * @returns false if it was spared.
   */
  offer(text: string): boolean {
    const { ws, logger } = this.#options;
    if (ws.bufferedAmount <= BEHIND_BYTES) {
      this.#missed = 0;
      this.#send(text);
      return true;
    }
    this.#missed += 1;
    if (this.#missed >= MOST_MISSED) {
      logger.info({ bufferedBytes: ws.bufferedAmount }, 'slow dashboard disconnected');
      ws.terminate();
    }
    return false;
  }

  /** Says why, and closes. */
  close(closeCode: number, code: ErrorCode, message: string): void {
    if (this.#state === 'closed') return;
    this.send({ type: 'closing', error: { code, message } });
    this.#options.ws.close(closeCode, code);
    this.#release();
  }

  #send(text: string): void {
    const { ws } = this.#options;
    if (ws.readyState === ws.OPEN && this.#state !== 'closed') ws.send(text, { binary: false });
  }

  #release(): void {
    this.#state = 'closed';
    clearTimeout(this.#hello);
    this.#dropGrant?.();
  }

  #wsOnMessage(data: string, binary: boolean): void {
    if (!this.#spend()) return;
    const request = binary ? undefined : parse(data);
    if (!request) this.#refuse('bad_request', 'this is no message of the dashboard');
    else if (request.type === 'hello') void this.#begin(request.key);
    else if (this.#state !== 'welcome') this.#refuse('wrong_order', 'send hello first, and wait for welcome');
    else this.#open(request.stream);
  }

  #open(stream: string | null): void {
    this.stream = stream;
    this.#options.onOpen(this);
  }

  #spend(): boolean {
    if (this.#state === 'closed') return false;
    if (this.#messages.take(performance.now())) return true;
    this.#refuse('too_many_requests', 'too many messages in a short time');
    return false;
  }

  async #begin(key: string): Promise<void> {
    if (this.#state !== 'new') return this.#refuse('wrong_order', 'hello is said once');
    this.#state = 'asking';
    clearTimeout(this.#hello);
    try {
      const grant = await this.#options.authorize(key);
      if (this.#isClosed()) return;
      this.#state = 'welcome';
      const drop = grant.onEnd((why) => this.#grantOnEnd(why));
      if (this.#isClosed()) return drop();
      this.#dropGrant = drop;
      this.#options.onWelcome(this);
    } catch (error) {
      if (error instanceof PharosError) return this.#refuse(error.code, error.message);
      this.#options.logger.error({ err: error }, 'dashboard failed');
      this.#refuse('internal', 'the server failed on this request; its log has the cause');
    }
  }

  /** It may have closed while something was awaited. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #grantOnEnd(why: EndOfGrant): void {
    this.#refuse('not_allowed', why === 'expired' ? 'this grant has expired' : 'this grant was revoked');
  }

  #refuse(code: ErrorCode, message: string): void {
    this.#options.onRefusal(code);
    this.close(CLOSE_CODES.policyViolation, code, message);
  }
}

function parse(data: string): LiveRequest | undefined {
  try {
    return liveRequest.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
