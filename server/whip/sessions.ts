import { randomBytes } from 'node:crypto';
import { TokenBucket } from '../base/limits.ts';
import type { IceCredentials } from './sdp-offer.ts';

/** One client's WHIP or WHEP session, as its maker hands it over. */
export type Exchange = {
  /** The SDP answer. */
  answer: string;
  /** The client's ICE credentials; others in a PATCH mean an ICE restart. */
  ice: IceCredentials;
  /** @returns our new credentials as an application/trickle-ice-sdpfrag. */
  restartIce(): Promise<string>;
  /** The client has taken its leave. */
  stop(): void;
};

/** Many trickled candidates at first, few requests later. */
const PATCHES = { rate: 1, burst: 50 };

/** What a session's URL stands for. */
export class Session {
  readonly streamId: string;
  readonly #exchange: Exchange;
  readonly #patches = new TokenBucket({ ...PATCHES, now: performance.now() });
  #ice: IceCredentials;
  #etag = newEtag();

  constructor(streamId: string, exchange: Exchange) {
    this.streamId = streamId;
    this.#exchange = exchange;
    this.#ice = exchange.ice;
  }

  /** Names the present ICE session (RFC 9725, section 4.3.1). */
  get etag(): string {
    return this.#etag;
  }

  /** Takes one request's worth of what a session may ask. */
  mayPatch(): boolean {
    return this.#patches.take(performance.now());
  }

  isRestart({ usernameFragment, password }: IceCredentials): boolean {
    return usernameFragment !== this.#ice.usernameFragment || password !== this.#ice.password;
  }

  async restartIce(ice: IceCredentials): Promise<string> {
    const fragment = await this.#exchange.restartIce();
    this.#ice = ice;
    this.#etag = newEtag();
    return fragment;
  }

  stop(): void {
    this.#exchange.stop();
  }
}

/** Sessions by the last part of their URL, which is a secret: whoever has it may change and end the session. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns the secret. */
  add(session: Session): string {
    const secret = randomBytes(16).toString('base64url');
    this.#sessions.set(secret, session);
    return secret;
  }

  get(streamId: unknown, secret: unknown): Session | undefined {
    const session = typeof secret === 'string' ? this.#sessions.get(secret) : undefined;
    return session?.streamId === streamId ? session : undefined;
  }

  delete(secret: string): void {
    this.#sessions.delete(secret);
  }
}

/** A strong entity tag, never the same twice (RFC 9110, section 8.8.3). */
function newEtag(): string {
  return `"${randomBytes(12).toString('base64url')}"`;
}
