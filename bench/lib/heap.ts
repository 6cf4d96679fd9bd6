/** What a server keeps, once what it has let go of is collected: by its own inspector. */
import { once } from 'node:events';
import { join } from 'node:path';
import type { types } from 'mediasoup';
import * as z from 'zod';
import type { TestServer } from '../../test/helpers/server.ts';

/** What the server is to be started with: Node opens the inspector at SIGUSR1, on any port. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=127.0.0.1:0' };

type Inspected = Pick<TestServer, 'process' | 'output'>;
type Ask = (method: string, params?: object) => Promise<Record<string, unknown>>;

/** Megabytes. */
export function heapAfterCollection(server: Inspected): Promise<number> {
  return inspect(server, async (ask) => {
    await ask('HeapProfiler.collectGarbage');
    const { usedSize } = await ask('Runtime.getHeapUsage');
    return Math.round(Number(usedSize) / 1e5) / 10;
  });
}

const mediaObjects = z.object({
  'transports in Node': z.number(),
  'consumers in Node': z.number(),
  'transports in workers': z.number(),
  'consumers in workers': z.number(),
});
export type MediaObjects = z.infer<typeof mediaObjects>;

/** mediasoup's objects that Node still holds once garbage is collected, and what the workers say that they have. */
export function countMediaObjects(server: Inspected): Promise<MediaObjects> {
  return inspect(server, async (ask) => {
    const instances = async (name: string): Promise<string> => {
      const { result } = await ask('Runtime.evaluate', {
        expression: `(${prototypeOf})("${LIBRARY}", "${name}")`,
      });
      const { objects } = await ask('Runtime.queryObjects', {
        prototypeObjectId: remote.parse(result).objectId,
      });
      return remote.parse(objects).objectId;
    };
    const [transports, consumers, routers] = [
      await instances('Transport'),
      await instances('Consumer'),
      await instances('Router'),
    ];
    const { result } = await ask('Runtime.callFunctionOn', {
      functionDeclaration: String(countAll),
      objectId: routers,
      arguments: [{ objectId: transports }, { objectId: consumers }],
      awaitPromise: true,
      returnByValue: true,
    });
    return z.object({ value: mediaObjects }).parse(result).value;
  });
}

const remote = z.object({ objectId: z.string() });
const LIBRARY = join(import.meta.dirname, '../../node_modules/mediasoup/node/lib');

/** In the server, which has loaded that module already. */
function prototypeOf(library: string, name: string): unknown {
  const { createRequire } = process.getBuiltinModule('node:module');
  return createRequire(`${library}/`)(`./${name}.js`)[`${name}Impl`].prototype;
}

/** In the server. */
async function countAll(this: types.Router[], transports: object[], consumers: object[]) {
  // The inspector gets in between any two operations: also where mediasoup is writing a request.
  await new Promise((resolve) => setImmediate(resolve));
  const dumps = await Promise.all(this.filter((router) => !router.closed).map((router) => router.dump()));
  const sum = (count: (dump: types.RouterDump) => number) =>
    dumps.reduce((total, dump) => total + count(dump), 0);
  return {
    // V8 counts the prototypes of the kinds of transport too, which are made from Transport's.
    'transports in Node': transports.filter((each) => Object.hasOwn(each, 'internal')).length,
    'consumers in Node': consumers.length,
    'transports in workers': sum(({ transportIds }) => transportIds.length),
    'consumers in workers': sum(({ mapConsumerIdProducerId }) => mapConsumerIdProducerId.length),
  };
}

async function inspect<T>(server: Inspected, use: (ask: Ask) => Promise<T>): Promise<T> {
  const inspector = new WebSocket(await inspectorOf(server));
  try {
    await once(inspector, 'open');
    return await use((method, params) => ask(inspector, method, params));
  } finally {
    inspector.close();
  }
}

async function inspectorOf(server: Inspected): Promise<string> {
  const address = () => /Debugger listening on (ws:\S+)/.exec(server.output())?.[1];
  if (!address()) server.process.kill('SIGUSR1');
  for (;;) {
    const found = address();
    if (found) return found;
    if (server.process.stderr) await once(server.process.stderr, 'data');
  }
}

let lastId = 0;

async function ask(inspector: WebSocket, method: string, params = {}): Promise<Record<string, unknown>> {
  const id = ++lastId;
  inspector.send(JSON.stringify({ id, method, params }));
  for (;;) {
    const [message] = await once(inspector, 'message');
    const answer = JSON.parse(String(message.data));
    if (answer.id !== id) continue;
    const wrong = answer.error?.message ?? answer.result.exceptionDetails?.exception?.description;
    if (wrong) throw new Error(`${method}: ${wrong}`);
    return answer.result;
  }
}
