import { createHmac, randomBytes } from 'node:crypto';
import type { Config } from '../../config/schema.ts';
import type { IceServer } from '../protocol/messages.ts';

/**
 * The STUN and TURN servers for one session. Where the TURN servers share a
 * secret with us, its credentials are made here and expire by themselves, so
 * that a client can't hand on anything of lasting use
 * (draft-uberti-behave-turn-rest-00, section 2.2).
 */
export function iceServersFor(
  { iceServers, turn }: Pick<Config, 'iceServers' | 'turn'>,
  { now = Date.now(), random = randomBytes(8).toString('hex') } = {},
): IceServer[] {
  if (turn.urls.length === 0) return iceServers;
  const username = `${Math.floor(now / 1000) + turn.ttl}:${random}`;
  const credential = createHmac('sha1', turn.secret).update(username).digest('base64');
  return [...iceServers, { urls: turn.urls, username, credential }];
}
