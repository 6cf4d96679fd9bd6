/** The Express app: headers, pages, health; and the one place where an error becomes an HTTP status. */
import { STATUS_CODES } from 'node:http';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type Response,
  type Router,
} from 'express';
import type { Config } from '../../config/schema.ts';
import { PharosError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { ErrorCode } from '../protocol/codes.ts';
import { api, type Readiness } from './api.ts';
import { securityHeaders } from './headers.ts';
import { messagePage, pages } from './pages.ts';
import { RETRY_AFTER_SECONDS, STATUS } from './status.ts';

export type AppOptions = {
  config: Config;
  logger: Logger;
  ready: () => Readiness;
  /** What vite built; it may be missing. */
  pagesDir: string;
  /** What else is served: WHIP and WHEP, the REST API. */
  routes?: readonly Router[];
  /** Told of each request that was refused, whichever route did it. */
  onRefusal?: (code: ErrorCode) => void;
};

/** No request to this server needs a larger body. */
const BODY_LIMIT = '16kb';

export function createApp({
  config,
  logger,
  ready,
  pagesDir,
  routes = [],
  onRefusal = () => {},
}: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  // Queries are not used; the plain parser has no nesting to abuse.
  app.set('query parser', 'simple');
  app.use(securityHeaders(config.http));
  app.use(api(ready));
  app.use('/api', express.json({ limit: BODY_LIMIT }));
  for (const route of routes) app.use(route);
  app.use(pages(pagesDir));
  app.use((request: Request, response: Response) => {
    answer(request, response, { status: 404, detail: 'there is nothing at this address' });
  });
  app.use(errorHandler(logger, onRefusal));
  return app;
}

type Problem = { status: number; code?: ErrorCode; detail: string };

function errorHandler(logger: Logger, onRefusal: (code: ErrorCode) => void): ErrorRequestHandler {
  // Express tells error handlers by their four parameters.
  return (error: unknown, request, response, _next) => {
    // A client that hung up is no fault, and needs no answer.
    if (request.socket.destroyed || hungUp(error)) return void request.socket.destroy();
    const problem = problemOf(error);
    onRefusal(problem.code ?? (problem.status === STATUS.too_large ? 'too_large' : 'bad_request'));
    if (problem.status >= 500 && !(error instanceof PharosError)) {
      logger.error({ err: error, method: request.method, path: request.path }, 'request failed');
    }
    // Too late for an answer: the client sees the cut connection as an error.
    if (response.headersSent) request.socket.destroy();
    else answer(request, response, problem);
  };
}

/** As node:http and Express's `sendFile` tell of it. */
const HUNG_UP = /^(ECONNABORTED|ECONNRESET|EPIPE|HPE_INVALID_EOF_STATE)$/;

function hungUp(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && HUNG_UP.test(error.code)
  );
}

/** Only a PharosError's sentence is meant for others. */
function problemOf(error: unknown): Problem {
  if (error instanceof PharosError) {
    return { status: STATUS[error.code], code: error.code, detail: error.message };
  }
  const status = clientFault(error);
  if (status === undefined)
    return { status: 500, code: 'internal', detail: 'something went wrong on the server' };
  return { status, detail: `this request was not understood (${STATUS_CODES[status]})` };
}

/** Express and its parsers put a status on errors that are the client's doing (malformed URL, body too large). */
function clientFault(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}

const FOR_PROGRAMS = /^\/(api|whip|whep)\//;

/** Programs get problem details (RFC 9457), people a page. */
function answer(request: Request, response: Response, { status, code, detail }: Problem): void {
  const title = STATUS_CODES[status] ?? 'Error';
  const retryAfter = code && RETRY_AFTER_SECONDS[code];
  response.status(status).set('Cache-Control', 'no-store');
  if (retryAfter) response.set('Retry-After', String(retryAfter));
  if (FOR_PROGRAMS.test(request.path) || request.accepts(['json', 'html']) === 'json') {
    response.type('application/problem+json').send(JSON.stringify({ title, status, code, detail }));
  } else {
    response.type('html').send(messagePage(title, `${detail[0]?.toUpperCase()}${detail.slice(1)}.`));
  }
}
