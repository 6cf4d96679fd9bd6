/**
 * Debian's coturn with the configuration of docs/turn.md, as it stands there: media goes through it with
 * the credentials that Pharos hands out, expired ones are refused, and nobody gets anywhere else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterEach, describe, expect, test } from 'vitest';
import { findProgram } from '../../scripts/setup/networks.mjs';
import { iceServersFor } from '../../server/auth/ice-servers.ts';
import { framesAdvance, launchBrowser, openWatch, publish, status } from '../helpers/browser.ts';
import { freePorts, startServer } from '../helpers/server.ts';
import { TurnClient } from '../helpers/turn-client.ts';

const turnserver = findProgram('turnserver');
if (!turnserver) console.warn('LEFT OUT, the tests of TURN: there is no coturn here (Debian: coturn)');

const SECRET = randomBytes(24).toString('hex');
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

describe.runIf(turnserver !== undefined)('TURN by coturn', () => {
  test('media goes through it, by UDP and by TCP, with the credentials that pages are given', async () => {
    const turn = await coturn(['allow-loopback-peers', 'allowed-peer-ip=127.0.0.1']);
    for (const transport of ['udp', 'tcp']) {
      const server = await startServer({
        PHAROS_TURN_URLS: `turn:127.0.0.1:${turn.port}?transport=${transport}`,
        PHAROS_TURN_SECRET: SECRET,
      });
      const browser = await launchBrowser();
      const context = await browser.newContext();
      await relayOnly(context);
      const { link, page } = await publish(context, server.url);
      const viewer = await openWatch(context, link);
      await status(viewer, 'live');
      await framesAdvance(viewer, 20);
      expect(await candidateTypes(viewer)).toEqual(['relay']);
      expect(await candidateTypes(page)).toEqual(['relay']);
      expect(server.output()).not.toContain(SECRET);
      await browser.close();
      await server.stop();
    }
  });

  test('expired credentials, made-up ones and none are refused; fresh ones are not', async () => {
    const turn = await coturn();
    // From another port each time: coturn remembers who has been there.
    const allocate = async (by: Credentials | undefined) => {
      const client = await TurnClient.open(turn.port);
      return client.allocate(by).finally(() => client.close());
    };
    const fresh = credentials({});
    const later = Number(fresh.username.split(':')[0]) + 86_400;
    expect(await allocate(undefined)).toBe(401);
    expect(await allocate(EXPIRED)).toBe(401);
    expect(await allocate({ ...fresh, password: 'a guess' })).toBe(401);
    expect(await allocate({ ...fresh, username: `${later}:abc` })).toBe(401);
    expect(await allocate(fresh)).toBe('allocated');
  });

  test('in Chromium too expired credentials give no relay', async () => {
    const turn = await coturn(['allow-loopback-peers', 'allowed-peer-ip=127.0.0.1']);
    const browser = await launchBrowser();
    cleanup.push(() => browser.close());
    const page = await browser.newPage();
    const urls = `turn:127.0.0.1:${turn.port}?transport=udp`;
    const candidates = (by: Credentials) =>
      page.evaluate(
        async ({ urls, username, password: credential }) => {
          const connection = new RTCPeerConnection({
            iceServers: [{ urls, username, credential }],
            iceTransportPolicy: 'relay',
          });
          connection.createDataChannel('any');
          const found: string[] = [];
          const errors = new Set<number>();
          connection.onicecandidate = ({ candidate }) => candidate && found.push(candidate.type ?? '');
          connection.onicecandidateerror = ({ errorCode }) => errors.add(errorCode);
          const complete = new Promise((resolve) => {
            connection.onicegatheringstatechange = () =>
              connection.iceGatheringState === 'complete' && resolve(undefined);
          });
          await connection.setLocalDescription();
          await complete;
          connection.close();
          return { found: [...new Set(found)], errors: [...errors] };
        },
        { urls, ...by },
      );
    expect(await candidates(credentials({}))).toEqual({ found: ['relay'], errors: [] });
    const refused = await candidates(EXPIRED);
    expect(refused.found).toEqual([]);
    expect(refused.errors).toContain(401);
  });

  test('the documented configuration refuses every address that is not public', async () => {
    const turn = await coturn();
    const refused = [...INWARD, ...(hasIpv6() ? INWARD_6 : [])];
    expect(await reached(turn.port, refused)).toEqual([]);
    const open = [...PUBLIC, ...(hasIpv6() ? PUBLIC_6 : [])];
    expect(await reached(turn.port, open)).toEqual(open);
    console.info(`coturn refuses ${refused.length} addresses, each twice; ${open.length} it permits`);
  });

  test('with one private address allowed, its neighbours and all else stay refused', async () => {
    const turn = await coturn(['allowed-peer-ip=10.1.2.3']);
    const others = INWARD.filter((ip) => ip !== '10.1.2.3');
    expect(await reached(turn.port, ['10.1.2.3', '10.1.2.2', '10.1.2.4', ...others])).toEqual(['10.1.2.3']);
  });
});

/** Loopback, unspecified, private, shared, link-local with the clouds' metadata, trials, multicast, broadcast. */
const INWARD = [
  ...['127.0.0.1', '127.0.0.53', '127.255.255.254', '0.0.0.0', '0.1.2.3'],
  ...[
    '10.0.0.1',
    '10.1.2.3',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.254',
    '192.168.0.1',
    '192.168.255.254',
  ],
  ...['100.64.0.1', '100.100.100.200', '169.254.169.254', '169.254.170.2', '192.0.0.192', '192.0.2.1'],
  ...[
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
  ],
];
const INWARD_6 = [
  ...['::1', '::', 'fd00::1', 'fd00:ec2::254', 'fc00::1', 'fe80::1', 'fec0::1', 'ff02::1', '2001:db8::1'],
  // IPv4 in IPv6: mapped, compatible, translated (RFC 6052), 6to4, Teredo.
  ...['::ffff:127.0.0.1', '::ffff:10.1.2.3', '::ffff:169.254.169.254', '::ffff:8.8.8.8', '::127.0.0.1'],
  ...[
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::a00:1',
    '2002:7f00:1::1',
    '2002:a9fe:a9fe::1',
    '2001:0:1::1',
  ],
];
const PUBLIC = ['1.1.1.1', '8.8.8.8', '100.63.255.255', '172.32.0.1', '192.167.255.255', '223.255.255.255'];
const PUBLIC_6 = ['2606:4700:4700::1111', '2a00:1450::1', '2001:200::1'];

/** Those that coturn lets its client send to, by permission or by channel. */
async function reached(port: number, addresses: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const family of [4, 6] as const) {
    const wanted = addresses.filter((ip) => ip.includes(':') === (family === 6));
    if (wanted.length === 0) continue;
    const client = await TurnClient.open(port);
    try {
      expect(await client.allocate(credentials({}), family)).toBe('allocated');
      for (const ip of wanted) {
        const answers = [await client.permit(ip), await client.bindChannel(ip)];
        for (const answer of answers) expect([200, 403], `${ip}: ${answer}`).toContain(answer);
        if (answers.includes(200)) found.push(ip);
      }
    } finally {
      client.close();
    }
  }
  return found;
}

type Credentials = { username: string; password: string };

/** As the server makes them. */
function credentials({ at = Date.now(), ttl = 3600 }): Credentials {
  const [server] = iceServersFor(
    { iceServers: [], turn: { urls: ['turn:127.0.0.1'], secret: SECRET, ttl } },
    { now: at },
  );
  const { username = '', credential = '' } = server ?? {};
  return { username, password: credential };
}

const EXPIRED = credentials({ at: Date.now() - 7_200_000, ttl: 3600 });

/** The configuration of docs/turn.md on loopback, with what a test adds to it. */
async function coturn(more: readonly string[] = []): Promise<{ port: number }> {
  const port = await freePorts(1);
  const text = readFileSync(new URL('../../docs/turn.md', import.meta.url), 'utf8');
  const documented = /```conf\n# \/etc\/turnserver.conf\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
  // No certificate here, other ports, and the secret is ours; all else is as documented.
  const own = /^(listening-port|tls-listening-port|cert|pkey|static-auth-secret)=/;
  const lines = documented.split('\n').filter((line) => !own.test(line));
  expect(lines.filter((line) => line.startsWith('denied-peer-ip=')).length).toBeGreaterThan(20);
  const directory = mkdtempSync(join(tmpdir(), 'pharos-turn-'));
  const file = join(directory, 'turnserver.conf');
  const here = [
    ...[
      `listening-port=${port}`,
      'listening-ip=127.0.0.1',
      `static-auth-secret=${SECRET}`,
      'no-tls',
      'no-dtls',
    ],
    ...['relay-ip=127.0.0.1', ...(hasIpv6() ? ['relay-ip=::1'] : [])],
    ...['log-file=stdout', `pidfile=${join(directory, 'pid')}`, `userdb=${join(directory, 'db')}`],
  ];
  writeFileSync(file, [...lines, ...here, ...more].join('\n'));
  const child = spawn(turnserver ?? '', ['-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanup.push(async () => {
    await ended(child);
    rmSync(directory, { recursive: true, force: true });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  await expect
    .poll(
      () => {
        if (child.exitCode !== null) throw new Error(`coturn ended:\n${output}`);
        return TurnClient.answers(port);
      },
      { timeout: 20_000, interval: 100 },
    )
    .toBe(true);
  return { port };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
}

/** From now on pages of this context get nowhere but by a TURN server. */
function relayOnly(context: BrowserContext): Promise<unknown> {
  return context.addInitScript(() => {
    window.RTCPeerConnection = new Proxy(RTCPeerConnection, {
      construct: (target, [configuration]) => new target({ ...configuration, iceTransportPolicy: 'relay' }),
    });
  });
}

/** Of our end, of the pairs in use. */
function candidateTypes(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const stats = await window.pharos?.getStats();
    const pairs = [...(stats?.values() ?? [])].filter(
      ({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded',
    );
    return [...new Set(pairs.map(({ localCandidateId }) => stats?.get(localCandidateId)?.candidateType))];
  });
}
