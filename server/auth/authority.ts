import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedLimiter } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import { matchesStream } from '../base/stream-pattern.ts';
import { type Action, covers, type EndOfGrant, type Grant, subjectOfAddress, type Terms } from './grant.ts';
import { GrantsInUse } from './grants-in-use.ts';
import { type Revocation, Revocations } from './revocations.ts';
import { StaticKeys } from './static-keys.ts';
import { Tokens } from './tokens.ts';
import { Webhook } from './webhook.ts';

/** What is known of whoever asks. */
export type Asker = {
  /** A key or a JWT. */
  token?: string | undefined;
  address: string;
  /** Whether it is a browser on this very machine, as far as that can be told. */
  local: boolean;
};

export type AuthorityOptions = {
  auth: Config['auth'];
  /** Those of the configuration, or the generated ones (keys.ts). */
  keys: { publish: string; admin: string; jwt: string };
  /** Where revocations are kept; without, nowhere. */
  dataDirectory?: string;
  logger: Logger;
  now?: () => number;
};

/** Wrong tokens of one address in a row, and in a minute after that. */
const WRONG_TOKENS = { burst: 10, perMinute: 10 };

const REFUSALS: Record<Action, string> = {
  publish: 'publishing here needs a key, and this one does not hold; use the link that the server printed',
  watch: 'watching this needs a link of its own, and this one does not hold or no longer does',
  record: 'recording this needs a grant for it',
  administer: 'this needs the admin key, or a grant to administer',
};

/** Decides who may publish, watch, record and administer, and tells when that is over. */
export class Authority {
  readonly #auth: Config['auth'];
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #keys: StaticKeys;
  readonly #tokens: Tokens;
  readonly #webhook: Webhook | undefined;
  readonly #revocations: Revocations;
  readonly #inUse: GrantsInUse;
  readonly #wrong = new KeyedLimiter({ rate: WRONG_TOKENS.perMinute / 60, burst: WRONG_TOKENS.burst });

  /** @throws ConfigError if the revocations that were kept can't be read. */
  constructor({ auth, keys, dataDirectory, logger, now = Date.now }: AuthorityOptions) {
    this.#auth = auth;
    this.#logger = logger;
    this.#now = now;
    this.#keys = new StaticKeys(keys, auth.keys);
    this.#tokens = new Tokens({ ...auth.jwt, secret: keys.jwt, logger, now });
    this.#webhook = auth.webhook.url ? new Webhook(auth.webhook, { logger, now }) : undefined;
    this.#revocations = new Revocations(now(), dataDirectory && join(dataDirectory, 'revocations.json'));
    this.#inUse = new GrantsInUse((terms) => this.#endOf(terms), now);
  }

  /** Whether this one publishes, under whatever id, only with a key or token. */
  keyNeeded(asker: Asker): boolean {
    return !this.#isFree('publish', undefined, asker);
  }

  /** Whether the stream can be watched only by grant. */
  isPrivate(stream: string): boolean {
    return this.#auth.private.some((pattern) => matchesStream(pattern, stream));
  }

  /**
   * What somebody may do by what it shows. Asks nobody whether there is such a stream, so that no answer tells.
   *
   * Where no grant is needed, a token that fits counts all the same, with its limits and its end: one that
   * has expired or was revoked is refused. One that is unknown, or for something else, is as good as none.
   * @param stream undefined for what is not about one stream.
   * @throws PharosError `not_allowed`; `too_many_requests` after too many unknown tokens from one address.
   */
  async authorize(action: Action, stream: string | undefined, asker: Asker): Promise<Grant> {
    const { address } = asker;
    const token = asker.token || undefined;
    const free = this.#isFree(action, stream, asker);
    const tooMany = this.#wrong.isEmpty(addressKey(address), performance.now());
    const known = await this.#read(token, tooMany);
    if (known && covers(known, action, stream)) {
      const end = this.#endOf(known);
      if (end) throw this.#refusal(action, stream, asker, end);
      return this.#inUse.grant(known);
    }
    if (free) {
      return this.#inUse.grant({
        subject: subjectOfAddress(address),
        actions: [action],
        streams: stream ?? '*',
        limits: {},
      });
    }
    if (known) throw this.#refusal(action, stream, asker, 'for something else');
    return this.#decideUnknown(action, stream, { ...asker, token }, tooMany);
  }

  /**
   * Ends a token by its `jti`, or all tokens of a subject that were issued until now, and at once all that
   * goes on by them.
   * @param expires in ms since 1970: when they would have expired, if that is known.
   * @returns how many things that ended, when the revocation is on disk.
   * @throws PharosError `server_full`; what writing the file throws, and then it holds until the restart only.
   */
  async revoke(what: { jti: string } | { subject: string }, expires?: number): Promise<number> {
    const known = 'jti' in what ? this.#inUse.expiryOf(what.jti) : undefined;
    const until = expires ?? known;
    const revocation: Revocation = { ...what, at: this.#now(), ...(until !== undefined && { until }) };
    const before = this.#inUse.size;
    const kept = this.#revocations.add(revocation);
    this.#inUse.check();
    const ended = before - this.#inUse.size;
    await kept;
    return ended;
  }

  /** Grants by which something goes on now. */
  get inUse(): number {
    return this.#inUse.size;
  }

  #isFree(action: Action, stream: string | undefined, { local }: Asker): boolean {
    const isPrivate = stream !== undefined && this.isPrivate(stream);
    switch (action) {
      case 'watch':
        return stream !== undefined && !isPrivate;
      case 'publish':
      case 'record':
        // Who may publish whatever it likes must not learn so which private streams there are.
        return this.#auth.publish === 'local' ? local : this.#auth.publish === 'open' && !isPrivate;
      case 'administer':
        return false;
    }
  }

  /** As a key and as a JWT, each time both: no answer takes longer for what it is about. */
  async #read(token: string | undefined, tooMany: boolean): Promise<Terms | undefined> {
    const key = this.#keys.find(token ?? '');
    const terms = await this.#tokens.read(token);
    // A key may be guessed, so the right one after too many wrong ones is not looked at; a JWT can't be.
    return (tooMany ? undefined : key) ?? terms;
  }

  async #decideUnknown(
    action: Action,
    stream: string | undefined,
    asker: Asker,
    tooMany: boolean,
  ): Promise<Grant> {
    const { token, address } = asker;
    if (tooMany && token !== undefined) {
      throw new PharosError(
        'too_many_requests',
        'too many wrong keys from this address; try again in a minute',
      );
    }
    const answer = await this.#webhook?.ask({ action, stream, token, address });
    if (typeof answer === 'object' && !this.#endOf(answer)) return this.#inUse.grant(answer);
    if (token !== undefined && answer !== 'failed') this.#wrong.take(addressKey(address), performance.now());
    throw this.#refusal(action, stream, asker, token === undefined ? 'none' : 'unknown');
  }

  #endOf(terms: Terms): EndOfGrant | undefined {
    if (terms.expires !== undefined && terms.expires <= this.#now()) return 'expired';
    return this.#revocations.covers(terms) ? 'revoked' : undefined;
  }

  /** The same for all of them; the reason is for the operator's log alone. */
  #refusal(action: Action, stream: string | undefined, { address }: Asker, reason: string): PharosError {
    this.#logger.debug({ action, streamId: stream, address, reason }, 'refused');
    return new PharosError('not_allowed', REFUSALS[action]);
  }
}
