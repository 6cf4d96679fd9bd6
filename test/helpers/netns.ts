/**
 * A network of our own on this machine (Linux, root): hosts in network namespaces around one router,
 * whose links can lose, delay and throttle, and change. The test's own process, and what it starts,
 * is the server side.
 *
 *     server (this process) ── router ── viewer
 *                                 └───── publisher
 *
 * Names carry our process id: what a killed run left behind is swept by the next.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findChromium } from '../../scripts/setup/chromium.mjs';
import { findProgram } from '../../scripts/setup/networks.mjs';
import { launchBrowser } from './browser.ts';
import { startServer, type TestServer } from './server.ts';

/** Why there can be no networks of our own here; undefined if there can. */
export function noNetworks(): string | undefined {
  if (process.platform !== 'linux') return `network namespaces are Linux's, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return undefined;
}

/** A server with one worker that is reached over this network, and to which everybody may publish. */
export async function startServerIn(
  network: { readonly server: string },
  settings: Record<string, string | number> = {},
): Promise<{ server: TestServer; url: string }> {
  const server = await startServer({
    PHAROS_HTTP_HOST: network.server,
    PHAROS_MEDIA_LISTEN_ADDRESSES: network.server,
    PHAROS_MEDIA_WORKERS: 1,
    PHAROS_AUTH_PUBLISH: 'open',
    ...settings,
  });
  return { server, url: `http://${network.server}:${server.port}` };
}

/** What can be wrong with the way to a host (`down`) or from it (`up`). */
export type Trouble = {
  /** Share of UDP datagrams that are lost, 0 to 1, each on its own. */
  loss?: number;
  /** bit/s: of everything, with a queue of 200 ms (tbf). */
  rate?: number;
};

export type Direction = 'down' | 'up';

export const PREFIX = 'pharos';

export class Network {
  /** Where the server listens. */
  readonly server: string;
  readonly #id: string;
  readonly #subnets: Subnets;
  readonly #link: string;
  readonly #relays: Relay[] = [];

  private constructor(id: string, subnets: Subnets, link: string, server: string) {
    this.#id = id;
    this.#subnets = subnets;
    this.#link = link;
    this.server = server;
  }

  /** The router, and this machine's way to it. */
  static create(): Network {
    sweep();
    const id = `${PREFIX}-${process.pid}`;
    const link = `${PREFIX}${process.pid}`;
    const subnets = new Subnets();
    const { near, far } = subnets.next();
    const network = new Network(id, subnets, link, near);
    try {
      run('ip', 'netns', 'add', network.router);
      run('ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'server', 'netns', network.router);
      address(undefined, link, near);
      address(network.router, 'server', far);
      run('ip', 'route', 'add', subnets.all, 'via', far);
      inside(network.router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  get router(): string {
    return `${this.#id}-router`;
  }

  host(name: string): Host {
    return new Host(this.router, `${this.#id}-${name}`, name, this.#subnets);
  }

  /** From now on what new flows send to that UDP port, and what comes back, takes so long each way. */
  async delay(port: number, milliseconds: number): Promise<void> {
    this.undelay();
    // In the router's namespace any port is free.
    const at = port;
    const script = join(import.meta.dirname, 'udp-relay.ts');
    const args = [script, String(at), this.server, String(port), String(milliseconds)];
    const child = spawn('ip', ['netns', 'exec', this.router, process.execPath, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#relays.push({ stop: () => child.kill('SIGKILL') });
    await once(child.stdout, 'data');
    inside(this.router, 'iptables', '-t', 'nat', '-A', 'PREROUTING', ...redirect(this.server, port));
    this.#relays.push({
      stop: () =>
        inside(this.router, 'iptables', '-t', 'nat', '-D', 'PREROUTING', ...redirect(this.server, port)),
    });
  }

  undelay(): void {
    for (const { stop } of this.#relays.splice(0)) stop();
  }

  /** All of it is gone, what runs in it too. Idempotent. */
  close(): void {
    for (const { stop } of this.#relays.splice(0)) quietly(stop);
    for (const name of namespaces().filter((each) => each.startsWith(`${this.#id}-`))) destroy(name);
    quietly(() => run('ip', 'link', 'del', this.#link));
  }
}

type Relay = { stop: () => unknown };

/** A machine behind the router. */
export class Host {
  readonly name: string;
  readonly #namespace: string;
  readonly #router: string;
  readonly #subnets: Subnets;
  /** The rules by which datagrams are lost now. */
  readonly #losses = new Map<Direction, readonly string[]>();
  #link = '';
  #links = 0;
  #address = '';

  constructor(router: string, namespace: string, name: string, subnets: Subnets) {
    this.#router = router;
    this.#namespace = namespace;
    this.#subnets = subnets;
    this.name = name;
    run('ip', 'netns', 'add', namespace);
    inside(namespace, 'ip', 'link', 'set', 'lo', 'up');
    this.connect();
  }

  get address(): string {
    return this.#address;
  }

  /** Another link, with another address, by which everything goes from now on. */
  connect(): void {
    this.#links += 1;
    const link = `${this.name.slice(0, 9)}${this.#links}`;
    const { near, far } = this.#subnets.next();
    inside(this.#router, 'ip', 'link', 'add', link, 'type', 'veth', 'peer', link, 'netns', this.#namespace);
    address(this.#router, link, near);
    address(this.#namespace, link, far);
    inside(this.#namespace, 'ip', 'route', 'replace', 'default', 'via', near);
    this.#link = link;
    this.#address = far;
  }

  /** The present link is gone, with its address. */
  disconnect(): void {
    inside(this.#router, 'ip', 'link', 'del', this.#link);
  }

  /** Another link, and only then is the present one gone. */
  move(): void {
    const old = this.#link;
    this.connect();
    inside(this.#router, 'ip', 'link', 'del', old);
  }

  /** What is wrong from now on, instead of what was before; nothing: all is well. */
  trouble(direction: Direction, { loss = 0, rate = 0 }: Trouble = {}): void {
    const router = this.#router;
    // A qdisc is about what leaves: the router towards us, or we.
    const leaving = direction === 'down' ? router : this.#namespace;
    const qdisc = (action: string, ...args: string[]) =>
      inside(leaving, 'tc', 'qdisc', action, 'dev', this.#link, 'root', ...args);
    quietly(() => qdisc('del'));
    // Where a delay passes through the router's own relay, nothing is forwarded: hence these two chains.
    const way = direction === 'down' ? ['POSTROUTING', '-o'] : ['PREROUTING', '-i'];
    const table = (action: string, rule: readonly string[]) =>
      inside(router, 'iptables', '-t', 'mangle', action, ...way, this.#link, ...rule);
    const last = this.#losses.get(direction);
    if (last) table('-D', last);
    this.#losses.delete(direction);
    if (loss > 0) {
      const chance = ['-m', 'statistic', '--mode', 'random', '--probability', String(loss)];
      const rule = ['-p', 'udp', ...chance, '-j', 'DROP'];
      table('-A', rule);
      this.#losses.set(direction, rule);
    }
    if (rate > 0) qdisc('add', 'tbf', 'rate', `${rate}bit`, 'burst', '5kb', 'latency', '200ms');
  }

  /** Chromium on this host. `trusted`: origins that have cameras without TLS. */
  launchBrowser(trusted: string, args: string[] = []): Promise<Browser> {
    return launchBrowserIn(this.#namespace, trusted, args);
  }
}

export async function launchBrowserIn(namespace: string, trusted: string, args: string[]): Promise<Browser> {
  const chromium = findChromium();
  if (!chromium) throw new Error('no Chromium found; run "npm run setup test" or set PHAROS_CHROMIUM');
  const directory = mkdtempSync(join(tmpdir(), 'pharos-netns-'));
  const wrapper = join(directory, 'chromium');
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${namespace} '${chromium}' "$@"\n`, { mode: 0o755 });
  const origin = `--unsafely-treat-insecure-origin-as-secure=${trusted}`;
  const browser = await launchBrowser([origin, ...args], [], wrapper);
  browser.once('disconnected', () => rmSync(directory, { recursive: true, force: true }));
  return browser;
}

/** Two addresses each, of what RFC 2544 sets aside for trials. */
class Subnets {
  readonly #base: string;
  #next = 0;

  constructor() {
    const taken = run('ip', '-4', 'address', 'show') + run('ip', '-4', 'route', 'show');
    const free = Array.from({ length: 250 }, (_, index) => `198.18.${(process.pid + index) % 250}.`);
    const base = free.find((each) => !taken.includes(each));
    if (!base) throw new Error('no free subnet in 198.18.0.0/16');
    this.#base = base;
  }

  get all(): string {
    return `${this.#base}0/24`;
  }

  next(): { near: string; far: string } {
    const first = 4 * this.#next++;
    if (first > 251) throw new Error('no subnets left');
    return { near: `${this.#base}${first + 1}`, far: `${this.#base}${first + 2}` };
  }
}

function redirect(address: string, port: number): string[] {
  return `-p udp -d ${address} --dport ${port} -j REDIRECT --to-ports ${port}`.split(' ');
}

export function address(namespace: string | undefined, link: string, ip: string): void {
  const at = namespace === undefined ? run : (...command: Command) => inside(namespace, ...command);
  at('ip', 'address', 'add', `${ip}/30`, 'dev', link);
  at('ip', 'link', 'set', link, 'up');
}

export type Command = [program: string, ...args: string[]];

export function inside(namespace: string, ...command: Command): string {
  return run('ip', 'netns', 'exec', namespace, findProgram(command[0]) ?? command[0], ...command.slice(1));
}

export function run(program: string, ...args: string[]): string {
  return execFileSync(findProgram(program) ?? program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** For what may have been done already, or never. */
export function quietly(action: () => unknown): void {
  try {
    action();
  } catch {}
}

function namespaces(): string[] {
  return run('ip', 'netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(`${PREFIX}-`));
}

export function destroy(namespace: string): void {
  quietly(() => {
    for (const pid of run('ip', 'netns', 'pids', namespace).split(/\s+/).filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL');
    }
  });
  quietly(() => run('ip', 'netns', 'del', namespace));
}

/** What runs that were killed have left. */
function sweep(): void {
  const over = (name: string) => !existsSync(`/proc/${/\d+/.exec(name)?.[0]}`);
  for (const name of namespaces().filter(over)) destroy(name);
  const links = run('ip', '-br', 'link', 'show', 'type', 'veth').match(/^pharos\d+/gm) ?? [];
  for (const link of links.filter(over)) quietly(() => run('ip', 'link', 'del', link));
}
