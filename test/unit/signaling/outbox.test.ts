import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createLogger } from '../../../server/base/logger.ts';
import { Outbox } from '../../../server/signaling/outbox.ts';

let server: WebSocketServer;
afterEach(() => {
  vi.restoreAllMocks();
  for (const ws of server.clients) ws.terminate();
  server.close();
});

test('what goes to many is encoded once, and arrives as text', async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      await once(client, 'open');
      return client;
    }),
  );
  const logger = createLogger({ level: 'silent', format: 'json' });
  const slowness = { eventsDropped: 0, slowClosed: 0 };
  const outboxes = [...server.clients].map((ws) => new Outbox({ ws, logger, limit: 1e6, slowness }));
  const received = clients.map((client) => once(client, 'message'));
  const encode = vi.spyOn(JSON, 'stringify');
  const event = { type: 'viewers', count: 3 } as const;
  for (const outbox of outboxes) outbox.send(event);
  expect(encode.mock.calls.filter(([value]) => value === event)).toHaveLength(1);
  for (const [data, binary] of await Promise.all(received)) {
    expect(binary).toBe(false);
    expect(JSON.parse(String(data))).toEqual(event);
  }
});
