/** A page of another origin than the server's: the one that shows a player in it. */
import { once } from 'node:events';
import { createServer } from 'node:http';

export type ForeignPage = {
  /** `http://localhost:…`: by name, while servers of tests are at 127.0.0.1. */
  origin: string;
  /** What it shows from now on. */
  show(body: string): void;
  stop(): Promise<void>;
};

export async function startForeignPage(): Promise<ForeignPage> {
  let page = '';
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    origin: `http://localhost:${address.port}`,
    show: (body) => {
      page = `<!doctype html><html lang="en"><title>A page of mine</title><body>${body}</body></html>`;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
