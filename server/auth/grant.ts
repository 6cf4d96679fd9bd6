/** What a grant is: for which actions, on which streams, until when, with what limits. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ACTIONS, type grantLimitsSchema } from '../../config/schema.ts';
import { addressKey } from '../base/limits.ts';
import { matchesStream } from '../base/stream-pattern.ts';

export type Action = (typeof ACTIONS)[number];
export const actionSchema = z.enum(ACTIONS);
export type GrantLimits = z.infer<typeof grantLimitsSchema>;

/** What a key or token says, before it is known whether it still holds. */
export type Terms = {
  /** Who holds it: by the same subject a publisher is known again when it comes back. */
  subject: string;
  /** A token's own (`jti`), to be revoked by. */
  id?: string | undefined;
  actions: readonly Action[];
  /** Stream id or pattern. */
  streams: string;
  /** In ms since 1970. */
  issuedAt?: number | undefined;
  expires?: number | undefined;
  limits: GrantLimits;
};

export type EndOfGrant = 'expired' | 'revoked';

/** What somebody was allowed, for as long as it holds. */
export type Grant = Pick<Terms, 'subject' | 'id' | 'actions' | 'limits'> & {
  /**
   * Calls when it no longer holds, once; at once if that is so already.
   * @returns the function that ends this.
   */
  onEnd(listener: (why: EndOfGrant) => void): () => void;
};

/** Who publishes a stream may watch and record it; who administers may start and stop recordings. */
const IMPLIED: Record<Action, readonly Action[]> = {
  publish: ['watch', 'record'],
  watch: [],
  record: [],
  administer: ['record'],
};

/** @param stream undefined for what is not about one stream: that takes a grant for all. */
export function covers({ actions, streams }: Terms, action: Action, stream: string | undefined): boolean {
  return (
    actions.some((held) => held === action || IMPLIED[held].includes(action)) &&
    (stream === undefined ? streams === '*' : matchesStream(streams, stream))
  );
}

/** Subjects that Pharos itself gives begin so; nobody else may give such a one. */
const OURS = /^(key|address|token):/;

/** A subject as others give it: nothing that could be taken for one of ours, or that would disturb a log. */
export const subjectSchema = z
  .string()
  .min(1)
  .max(256)
  .refine((subject) => !OURS.test(subject), 'a subject does not begin with "key:", "address:" or "token:"');

/** The subject of a configured key. */
export const subjectOfKey = (name: string) => `key:${name}`;

/** Whether it is one by a key of the configuration, which no token can claim to be. */
export const isKeyHolder = ({ subject }: Pick<Grant, 'subject'>) => subject.startsWith('key:');

/** The subject of one who needs no grant. */
export const subjectOfAddress = (address: string) => `address:${addressKey(address)}`;

/** The subject of a token that names none. Says nothing of what the token is. */
export function subjectOfToken(token: string): string {
  return `token:${createHash('sha256').update(token).digest('base64url').slice(0, 22)}`;
}
