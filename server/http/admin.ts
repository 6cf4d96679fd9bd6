import type { RequestHandler } from 'express';
import type { Config } from '../../config/schema.ts';
import type { Grants } from '../auth/grants.ts';
import { bearer, clientAddress } from '../auth/requester.ts';
import { PharosError } from '../base/errors.ts';
import { addressKey, KeyedLimiter } from '../base/limits.ts';

/** Wrong keys of one address in a row, and in a minute after that. */
const WRONG_KEYS = { burst: 10, perMinute: 10 };

/** Lets through who has the admin key as a bearer token. @throws PharosError `unauthorized`, `too_many_requests`. */
export function adminOnly(config: Config, grants: Grants): RequestHandler {
  const wrong = new KeyedLimiter({ rate: WRONG_KEYS.perMinute / 60, burst: WRONG_KEYS.burst });
  return (request, response, next) => {
    const address = addressKey(clientAddress(request, config.http.trustedProxies));
    const now = performance.now();
    // The right key after too many wrong ones is not looked at: it may be a guess as well.
    if (wrong.isEmpty(address, now)) {
      throw new PharosError(
        'too_many_requests',
        'too many wrong keys from this address; try again in a minute',
      );
    }
    const key = bearer(request);
    if (!grants.mayAdminister(key)) {
      if (key !== undefined) wrong.take(address, now);
      response.set('WWW-Authenticate', 'Bearer');
      throw new PharosError('unauthorized', 'this needs the admin key as a bearer token');
    }
    next();
  };
}
