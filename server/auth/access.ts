import type { Request, RequestHandler } from 'express';
import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Authority } from './authority.ts';
import type { Action, Grant } from './grant.ts';
import { askerOf, clientAddress } from './requester.ts';

type Options = { config: Config; authority: Authority; logger: Logger };

/** What administrators do, as it stands in the log. */
export type AuditAction =
  | 'camera.add'
  | 'camera.remove'
  | 'grant.make'
  | 'grant.revoke'
  | 'recording.start'
  | 'recording.stop'
  | 'recording.delete'
  | 'session.kick'
  | 'stream.delete';

const REFUSALS: Record<Action, string> = {
  publish: 'publishing here needs a key or token as a bearer token (OBS: Settings, Stream, Bearer Token)',
  watch: 'watching this needs a token as a bearer token',
  record: 'this needs a key or token to publish or record the stream, as a bearer token',
  administer: 'this needs the admin key, or a token to administer, as a bearer token',
};

/** What HTTP requests may do, by their bearer token, which no page of another site can borrow as it could a cookie. */
export class Access {
  readonly #options: Options;
  readonly #grants = new WeakMap<Request, Grant>();

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Lets through who may; what it is about is the `:stream` of the path, if there is one.
   * @throws PharosError `unauthorized`, the same whatever was wrong; `too_many_requests`.
   */
  need(action: Action): RequestHandler {
    const { config, authority } = this.#options;
    return async (request, response, next) => {
      response.set('Cache-Control', 'no-store');
      const { stream } = request.params;
      const asker = askerOf(request, config.http);
      const id = typeof stream === 'string' ? stream : undefined;
      try {
        this.#grants.set(request, await authority.authorize(action, id, asker));
      } catch (error) {
        if (!(error instanceof PharosError) || error.code !== 'not_allowed') throw error;
        response.set('WWW-Authenticate', 'Bearer');
        throw new PharosError('unauthorized', REFUSALS[action]);
      }
      next();
    };
  }

  /** By what a request that was let through goes on. */
  grantOf(request: Request): Grant {
    const grant = this.#grants.get(request);
    if (!grant) throw new Error('this route needs no grant');
    return grant;
  }

  /** A line for what an administrator has done; none if it was somebody else. */
  audit(request: Request, action: AuditAction, target: Record<string, unknown>): void {
    const { config, logger } = this.#options;
    const { subject, actions } = this.grantOf(request);
    if (!actions.includes('administer')) return;
    const address = clientAddress(request, config.http.trustedProxies);
    logger.info({ audit: action, subject, address, ...target }, 'admin action');
  }
}
