import { Router } from 'express';
import type { Effective } from '../../config/effective.ts';
import type { Config } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import type { Authority } from '../auth/authority.ts';
import type { Cameras } from '../cameras/cameras.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Posters } from '../posters/posters.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { Registry } from '../streams/registry.ts';
import { camerasApi } from './cameras-api.ts';
import { configApi } from './config-api.ts';
import { grantsApi } from './grants-api.ts';
import { metricsApi } from './metrics-api.ts';
import { openApi } from './openapi.ts';
import { refuseOthers, serve } from './operation.ts';
import { OPERATIONS } from './operations/all.ts';
import { getOpenApi } from './operations/server.ts';
import { postersApi } from './posters-api.ts';
import { fixedJson } from './precompressed.ts';
import { recordingsApi } from './recordings-api.ts';
import { streamsApi } from './streams-api.ts';

export type RestOptions = {
  config: Config;
  access: Access;
  authority: Authority;
  registry: Registry;
  cameras: Cameras;
  recordings: Recordings;
  posters: Posters;
  metrics: Metrics;
  settings: readonly Effective[];
  /** That tokens are signed with. */
  secret: string;
  /** Where the server is reached, without a slash at its end. */
  baseUrl(): string;
  /** Of the server. */
  version: string;
};

/** The REST API, and the document that tells of it. */
export function restApi(options: RestOptions): Router {
  const router = Router();
  router.use(streamsApi(options));
  router.use(postersApi(options));
  router.use(recordingsApi(options));
  router.use(camerasApi(options));
  router.use(grantsApi({ ...options, auth: options.config.auth }));
  router.use(configApi(options));
  router.use(metricsApi(options));
  const document = fixedJson(openApi(OPERATIONS, options.version));
  serve(router, options.access, getOpenApi, (request, response, next) => {
    // Tools that show such documents stand on pages of their own.
    response.set({ 'Cache-Control': 'no-cache', 'Access-Control-Allow-Origin': '*' });
    document(request, response, next);
  });
  // WHIP and WHEP have their own.
  refuseOthers(
    router,
    OPERATIONS.filter(({ path }) => path.startsWith('/api/')),
  );
  return router;
}
