/** `npm run publish` in a process of its own: its packets are not to wait for those of the viewers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { probe } from './ffmpeg.ts';

/** Milliseconds. */
const KILL_AFTER = 5_000;
const PUBLISH = join(import.meta.dirname, '../publish.ts');

export type OwnPublisherOptions = {
  file: string;
  url: URL;
  stream: string;
  key?: string | undefined;
  signal?: AbortSignal | undefined;
};

export class OwnPublisher {
  readonly pid: number;
  readonly #child: ChildProcess;
  #errors = '';
  #lost: string | undefined;
  #closed = false;

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#errors = (this.#errors + chunk).slice(-1000);
    });
  }

  /** Resolves when the stream is live. @throws Error with what the command says. */
  static async start({ file, url, stream, key, signal }: OwnPublisherOptions): Promise<OwnPublisher> {
    const args = [PUBLISH, file, '--stream', stream, '--url', url.href, '--loop'];
    const { video } = await probe(file);
    signal?.throwIfAborted();
    // Encoding would take more of the machine than all that is measured here.
    if (!video || ['h264', 'vp8'].includes(video.codec)) args.push('--copy');
    const env = key === undefined ? process.env : { ...process.env, PHAROS_PUBLISH_KEY: key };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    const publisher = new OwnPublisher(child, child.pid ?? 0);
    const stop = () => void publisher.close();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await publisher.#live();
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    return publisher;
  }

  /** Why it sends no longer, if that is no doing of ours. */
  get ended(): string | undefined {
    if (this.#closed) return undefined;
    const over = this.#child.exitCode !== null || this.#child.signalCode !== null;
    return over ? this.#errors.trim() || 'it ended' : this.#lost;
  }

  /** Resolves when the stream has ended. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    // Whatever keeps it: nobody is to wait for it for ever.
    const impatient = setTimeout(() => this.#child.kill('SIGKILL'), KILL_AFTER);
    await exited;
    clearTimeout(impatient);
  }

  #live(): Promise<void> {
    return new Promise((resolve, reject) => {
      let text = '';
      this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        text = (text + chunk).slice(-1000);
        if (/^Live\b/m.test(text)) resolve();
        // It would begin anew, but that is another stream for who watches.
        this.#lost ??= /The connection is lost.*?(?=\.)/.exec(text)?.[0];
      });
      this.#child.once('close', () => reject(new Error(this.ended ?? 'closed')));
    });
  }
}
