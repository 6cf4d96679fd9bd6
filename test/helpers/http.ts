/** The HTTP part alone, on a port of its own, with a logger that keeps its lines. */
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type Config, configSchema } from '../../config/schema.ts';
import { createLogger } from '../../server/base/logger.ts';
import type { Readiness } from '../../server/http/api.ts';
import { createApp } from '../../server/http/app.ts';
import { type Listening, listen } from '../../server/http/listen.ts';

export const logged: string[] = [];
export const logger = createLogger(
  { level: 'debug', format: 'json' },
  { write: (line) => void logged.push(line) },
);

const open: Listening[] = [];

export type HttpSettings = { http?: Partial<Config['http']>; ready?: () => Readiness; pagesDir?: string };

export async function startHttp(settings: HttpSettings = {}): Promise<{ server: Listening; url: string }> {
  const { http = {}, ready = () => ({ ok: true }), pagesDir = '/nowhere' } = settings;
  const config = configSchema.parse({ http: { host: '127.0.0.1', port: 0, ...http } });
  const server = await listen(createApp({ config, logger, ready, pagesDir }), config.http, logger);
  open.push(server);
  return { server, url: `http://127.0.0.1:${server.port}` };
}

export async function closeAllHttp(): Promise<void> {
  logged.length = 0;
  await Promise.all(open.splice(0).map((server) => server.close(0)));
}

/** Without fetch's tidying of paths and headers. */
export async function get(url: string, path: string, headers: Record<string, string> = {}) {
  const outgoing = request(`${url}/`, { path, headers, agent: false }).end();
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  if (response === undefined) throw new Error('no response');
  const body = (await response.setEncoding('utf8').toArray()).join('');
  return { status: response.statusCode, headers: response.headers, body };
}
