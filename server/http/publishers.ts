import type { RequestHandler } from 'express';
import type { Config } from '../../config/schema.ts';
import type { Grants } from '../auth/grants.ts';
import { bearer, isLocal } from '../auth/requester.ts';
import { PharosError } from '../base/errors.ts';

/** Lets through who may publish: what a stream's publisher is told and may do. @throws PharosError `unauthorized`. */
export function publishersOnly(config: Config, grants: Grants): RequestHandler {
  return (request, response, next) => {
    if (!grants.mayPublish({ local: isLocal(request, config.http), key: bearer(request) })) {
      response.set('WWW-Authenticate', 'Bearer');
      throw new PharosError('unauthorized', 'this needs the publish key as a bearer token');
    }
    response.set('Cache-Control', 'no-store');
    next();
  };
}
