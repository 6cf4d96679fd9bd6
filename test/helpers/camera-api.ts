/** The server's camera API, and which ffmpeg processes it has, as tests ask for them. */
import { readdirSync, readFileSync } from 'node:fs';
import * as z from 'zod';
import type { TestServer } from './server.ts';

export const ADMIN_KEY = 'an-admin-key-for-tests';

const status = z.object({
  stream: z.string(),
  url: z.string(),
  onDemand: z.boolean(),
  transport: z.string(),
  transcode: z.string(),
  source: z.string(),
  state: z.string(),
  since: z.iso.datetime(),
  error: z.nullable(z.string()),
  tracks: z.nullable(z.object({ video: z.optional(z.string()), audio: z.optional(z.string()) })),
  viewers: z.number(),
});
export type CameraStatus = z.infer<typeof status>;

export class CameraApi {
  readonly #url: string;

  constructor(server: Pick<TestServer, 'url'>) {
    this.#url = `${server.url}/api/cameras`;
  }

  request(method: string, path = '', body?: unknown, key: string | undefined = ADMIN_KEY): Promise<Response> {
    return fetch(this.#url + path, {
      method,
      headers: {
        ...(key && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  }

  async list(): Promise<CameraStatus[]> {
    return z.object({ cameras: z.array(status) }).parse(await (await this.request('GET')).json()).cameras;
  }

  async get(stream: string): Promise<CameraStatus> {
    return status.parse(await (await this.request('GET', `/${stream}`)).json());
  }

  /** @throws if it is refused. */
  async add(camera: Record<string, unknown>): Promise<CameraStatus> {
    const response = await this.request('POST', '', camera);
    if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
    return status.parse(await response.json());
  }
}

/** The ffmpeg processes that this process has started, with their arguments and environment. */
export function ffmpegOf(parent: number): { pid: number; text: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const [, ppid] = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        if (Number(ppid) !== parent || !/ffmpeg\0/.test(command)) return [];
        return [{ pid: Number(name), text: command + readFileSync(`/proc/${name}/environ`, 'utf8') }];
      } catch {
        // It has just ended.
        return [];
      }
    });
}
