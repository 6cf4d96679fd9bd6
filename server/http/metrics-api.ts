/** `/metrics` for Prometheus: on a listener of its own for everybody who reaches it, and here for administrators. */
import express, { type Express, type RequestHandler, Router } from 'express';
import type { Access } from '../auth/access.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { serve } from './operation.ts';
import { getMetrics } from './operations/server.ts';

type Options = { access: Access; metrics: Metrics };

export function metricsApi({ access, metrics }: Options): Router {
  const router = Router();
  serve(router, access, getMetrics, scrape(metrics));
  return router;
}

/** What answers on the port of `metrics.port`. */
export function metricsApp(metrics: Metrics): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/metrics', scrape(metrics));
  return app;
}

function scrape(metrics: Metrics): RequestHandler {
  return async (_request, response) => {
    response.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
    response.end(await metrics.text());
  };
}
