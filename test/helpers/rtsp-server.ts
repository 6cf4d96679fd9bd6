/** A camera for the tests: GStreamer's RTSP server, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findGstreamerPython } from '../../scripts/setup/gstreamer.mjs';

const SCRIPT = join(import.meta.dirname, 'rtsp-server.py');

export type RtspServerOptions = {
  port?: number;
  auth?: 'basic' | 'digest';
  user?: string;
  password?: string;
  /** PEM file with certificate and key, for rtsps. */
  certificate?: string;
  shared?: boolean;
  /** `ticks`: one a second, when the picture changes from black to white or back. */
  wave?: string;
};

export class RtspServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** @param paths What it has: `baseline+aac`, `h265`, … (see rtsp-server.py). */
  static async start(paths: string[], options: RtspServerOptions = {}): Promise<RtspServer> {
    const { shared, ...values } = options;
    const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const python = findGstreamerPython();
    if (!python) throw new Error('there is no GStreamer; run npm run setup test');
    const child = spawn(python, [SCRIPT, ...args, ...(shared ? ['--shared'] : []), ...paths], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const kill = () => child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const port = await listening(child);
    return new RtspServer(child, port);
  }

  url(path: string, { credentials = '', scheme = 'rtsp' } = {}): string {
    return `${scheme}://${credentials && `${credentials}@`}127.0.0.1:${this.port}/${path}`;
  }

  /** Stops sending one track; connections stay. */
  freeze(kind: 'video' | 'audio'): void {
    this.#child.stdin?.write(`freeze ${kind}\n`);
  }

  thaw(kind: 'video' | 'audio'): void {
    this.#child.stdin?.write(`thaw ${kind}\n`);
  }

  /** As a camera that hangs: it answers nothing, sends nothing, and its connections stay. */
  suspend(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

async function listening(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('no output');
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`the RTSP server ended (${code}); is GStreamer installed? (npm run setup test)`);
  });
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited]);
  const port = Number(/^listening (\d+)$/.exec(String(line))?.[1]);
  if (!port) throw new Error(`the RTSP server said: ${line}`);
  return port;
}
