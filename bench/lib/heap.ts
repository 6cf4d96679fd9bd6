/** How much a server keeps, once what it has let go of is collected: by its own inspector. */
import { once } from 'node:events';
import type { TestServer } from '../../test/helpers/server.ts';

/** What the server is to be started with: Node opens the inspector at SIGUSR1, on any port. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };

/** Megabytes. */
export async function heapAfterCollection(server: TestServer): Promise<number> {
  const inspector = new WebSocket(await inspectorOf(server));
  try {
    await once(inspector, 'open');
    await ask(inspector, 'HeapProfiler.collectGarbage');
    const { usedSize } = await ask(inspector, 'Runtime.getHeapUsage');
    return Math.round(Number(usedSize) / 1e5) / 10;
  } finally {
    inspector.close();
  }
}

async function inspectorOf(server: TestServer): Promise<string> {
  const address = () => /Debugger listening on (ws:\S+)/.exec(server.output())?.[1];
  if (!address()) server.process.kill('SIGUSR1');
  for (;;) {
    const found = address();
    if (found) return found;
    if (server.process.stderr) await once(server.process.stderr, 'data');
  }
}

let lastId = 0;

async function ask(inspector: WebSocket, method: string): Promise<Record<string, unknown>> {
  const id = ++lastId;
  inspector.send(JSON.stringify({ id, method }));
  for (;;) {
    const [message] = await once(inspector, 'message');
    const answer = JSON.parse(String(message.data));
    if (answer.id === id) return answer.result;
  }
}
