/**
 * A host behind a link that is slow and long for all that goes over it, TCP's handshakes too (Linux, root):
 * where netns.ts delays the media alone, this is what somebody far away has.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findProgram } from '../../scripts/setup/networks.mjs';
import { address, destroy, inside, launchBrowserIn, PREFIX, quietly, run } from './netns.ts';

export type SlowLinkOptions = {
  /** bit/s each way; 0: as fast as it goes. */
  rate: number;
  /** ms each way: half a round trip. */
  delay: number;
  /** What would wait longer for the link is lost, in ms. */
  queue?: number;
};

export class SlowLink {
  /** Where the server listens. */
  readonly server: string;
  readonly #namespace: string;
  readonly #child: ChildProcess;

  private constructor(server: string, namespace: string, child: ChildProcess) {
    this.server = server;
    this.#namespace = namespace;
    this.#child = child;
  }

  static async create({ rate, delay, queue = 200 }: SlowLinkOptions): Promise<SlowLink> {
    const python = findProgram('python3');
    if (!python) throw new Error('there is no python3; run "npm run setup test"');
    const id = String(process.pid);
    // The other half of what RFC 2544 sets aside for trials; netns.ts has the first.
    const [near, far] = [1, 2].map((host) => `198.19.${process.pid % 250}.${host}`);
    if (!near || !far) throw new Error('no addresses');
    const namespace = `${PREFIX}-${id}-slow`;
    const [name, other] = [`ptun${id}`, `ptun${id}f`];
    const script = join(import.meta.dirname, 'slow-link.py');
    const figures = [rate, delay, queue].map(String);
    const child = spawn(python, [script, name, other, ...figures], { stdio: ['pipe', 'pipe', 'inherit'] });
    const link = new SlowLink(near, namespace, child);
    try {
      await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(failed)]);
      run('ip', 'netns', 'add', namespace);
      inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
      run('ip', 'link', 'set', other, 'netns', namespace);
      address(undefined, name, near);
      address(namespace, other, far);
      inside(namespace, 'ip', 'route', 'add', 'default', 'via', near);
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  /** Chromium at the far end. `trusted`: origins that have cameras without TLS. */
  launchBrowser(trusted: string, args: string[] = []): Promise<Browser> {
    return launchBrowserIn(this.#namespace, trusted, args);
  }

  /** Idempotent. */
  close(): void {
    destroy(this.#namespace);
    quietly(() => this.#child.kill('SIGKILL'));
  }
}

function failed(): never {
  throw new Error('the link could not be made: it takes root and /dev/net/tun');
}
