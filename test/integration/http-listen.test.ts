import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { Agent, request as tlsRequest } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../config/errors.ts';
import { configSchema } from '../../config/schema.ts';
import { listen } from '../../server/http/listen.ts';
import { closeAllHttp, get, logged, logger, startHttp } from '../helpers/http.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-http-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(closeAllHttp);

describe('listening', () => {
  test('a port in use is one sentence that names the setting', async () => {
    const { server } = await startHttp();
    const attempt = startHttp({ http: { port: server.port } });
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow(`http.port: ${server.port} is in use by another program; stop it`);
  });

  test.each(['192.0.2.99', 'host.invalid'])(
    'a host that this machine has not (%s) likewise',
    async (host) => {
      await expect(startHttp({ http: { host } })).rejects.toThrow(
        `http.host: "${host}" is not an address of this machine`,
      );
    },
  );

  test('"::" is IPv4 as well, and where there is no IPv6, IPv4 alone', async () => {
    const { server } = await startHttp({ http: { host: '::' } });
    const hasIpv6 = (networkInterfaces().lo ?? []).some(({ address }) => address === '::1');
    for (const host of hasIpv6 ? ['127.0.0.1', '[::1]'] : ['127.0.0.1']) {
      expect((await get(`http://${host}:${server.port}`, '/healthz')).status).toBe(200);
    }
  });
});

describe('closing', () => {
  test('idle connections end at once', async () => {
    const { server } = await startHttp();
    const socket = connectTcp(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    const ended = once(socket, 'close');
    const before = performance.now();
    await server.close(60_000);
    await ended;
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test('a response under way is finished, then its connection ends', async () => {
    const config = configSchema.parse({ http: { host: '127.0.0.1', port: 0 } });
    let finish = () => {};
    const arrived = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let release = () => {};
    const server = await listen(
      (_request, response) => {
        release = () => response.end('done');
        finish();
      },
      config.http,
      logger,
    );
    const socket = connectTcp(server.port, '127.0.0.1').setEncoding('utf8');
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    const text = socket.toArray();
    await arrived;
    const closed = server.close(60_000);
    release();
    await closed;
    expect((await text).join('')).toContain('done');
  });

  test('connections that have been upgraded, or never end, are cut at the deadline; twice is once', async () => {
    const { server } = await startHttp();
    server.server.on('upgrade', (_request, socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    );
    const socket = connectTcp(server.port, '127.0.0.1').on('error', () => {});
    socket.write('GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    await once(socket, 'data');
    const silent = connectTcp(server.port, '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    await Promise.all([server.close(50), server.close(), once(socket, 'close'), once(silent, 'close')]);
  });
});

describe('too many connections', () => {
  const start = async (settings: { total: number; each: number; trustedProxies?: string[] }) => {
    const { total: httpConnections, each: httpConnectionsPerAddress, trustedProxies = [] } = settings;
    const { http } = configSchema.parse({ http: { host: '127.0.0.1', port: 0 } });
    const limits = { httpConnections, httpConnectionsPerAddress, trustedProxies };
    const server = await listen((_request, response) => response.end('here'), http, logger, { limits });
    closers.push(() => server.close(0));
    return server;
  };
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  /** How many of so many connections from this address stay open and are answered. */
  async function answered(port: number, count: number, localAddress: string): Promise<number> {
    const answers = await Promise.all(
      Array.from({ length: count }, async () => {
        const socket = connectTcp({ port, host: '127.0.0.1', localAddress }).on('error', () => {});
        closers.push(() => socket.destroy());
        socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
        return new Promise<boolean>((resolve) => {
          socket.once('data', () => resolve(true)).once('close', () => resolve(false));
        });
      }),
    );
    return answers.filter(Boolean).length;
  }

  test('of one address: further ones are closed at once and counted, others are not touched', async () => {
    const server = await start({ total: 100, each: 10 });
    expect(await answered(server.port, 15, '127.0.0.1')).toBe(10);
    expect(await answered(server.port, 10, '127.0.0.2')).toBe(10);
    expect(server.snapshot().refused).toEqual({ httpConnections: 0, httpConnectionsPerAddress: 5 });
  });

  test('a trusted proxy may have as many as there may be all together', async () => {
    const server = await start({ total: 30, each: 10, trustedProxies: ['127.0.0.9'] });
    expect(await answered(server.port, 40, '127.0.0.9')).toBe(30);
    expect(server.snapshot()).toMatchObject({
      open: 30,
      refused: { httpConnections: 10, httpConnectionsPerAddress: 0 },
    });
  });

  test('headers of more than 16 kB are answered by 431', async () => {
    const { url } = await startHttp();
    expect((await get(url, '/healthz', { x: 'x'.repeat(20_000) })).status).toBe(431);
    expect((await get(url, `/${'x'.repeat(20_000)}`)).status).toBe(431);
  });
});

describe('TLS', () => {
  const names = ['one', 'two'];
  const paths = (name: string) => ({
    cert: join(directory, name, 'cert.pem'),
    key: join(directory, name, 'key.pem'),
  });

  beforeAll(() => {
    for (const name of names) {
      mkdirSync(join(directory, name));
      const { cert, key } = paths(name);
      const subject = ['-subj', `/CN=${name}`, '-days', '2', '-keyout', key, '-out', cert];
      const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      execFileSync('openssl', ['req', '-x509', ...kind, ...subject], { stdio: 'pipe' });
    }
  });

  /** The name in the certificate that a new connection gets. */
  async function servedName(port: number): Promise<string | undefined> {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return [subject.CN].flat()[0];
  }

  /** As Kubernetes mounts secrets: files link to `..data/`, which is itself a link that is swapped. */
  function linkTo(name: string, mount: string): void {
    mkdirSync(mount, { recursive: true });
    symlinkSync(join(directory, name), join(mount, '..next'));
    renameSync(join(mount, '..next'), join(mount, '..data'));
  }

  test('HTTPS with HSTS, and only wss:// to the server', async () => {
    const { server } = await startHttp({ http: { tls: paths('one') } });
    const agent = new Agent({ rejectUnauthorized: false });
    const outgoing = tlsRequest({ port: server.port, host: '127.0.0.1', path: '/', agent }).end();
    const [response]: IncomingMessage[] = await once(outgoing, 'response');
    response?.resume();
    agent.destroy();
    expect(response?.headers['strict-transport-security']).toBe('max-age=31536000');
    expect(response?.headers['content-security-policy']).toContain(
      `connect-src 'self' wss://127.0.0.1:${server.port};`,
    );
  });

  test('a swapped link is noticed; a connection that was open stays so', async () => {
    const mount = join(directory, 'mount');
    linkTo('one', mount);
    for (const file of ['cert.pem', 'key.pem']) symlinkSync(join('..data', file), join(mount, file));
    const { server } = await startHttp({ http: { tls: paths('mount') } });
    const kept = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(kept, 'secureConnect');
    expect(await servedName(server.port)).toBe('one');

    linkTo('two', mount);
    await expect.poll(() => servedName(server.port), { timeout: 10_000 }).toBe('two');
    kept.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    const [data] = await once(kept, 'data');
    expect(String(data)).toContain('200 OK');
    kept.destroy();
  });

  test('a pair that does not fit is logged and the old one kept, until it fits', async () => {
    const live = paths('live');
    mkdirSync(join(directory, 'live'));
    const copy = (from: string, to: string) => execFileSync('cp', [from, to]);
    copy(paths('one').cert, live.cert);
    copy(paths('one').key, live.key);
    const { server } = await startHttp({ http: { tls: live } });
    logged.length = 0;

    copy(paths('two').cert, live.cert);
    const warnings = () => logged.filter((line) => line.includes('certificate not reloaded'));
    await expect.poll(warnings, { timeout: 10_000 }).not.toHaveLength(0);
    expect(await servedName(server.port)).toBe('one');
    expect(logged.join('')).not.toContain('PRIVATE KEY');

    copy(paths('two').key, live.key);
    await expect.poll(() => servedName(server.port), { timeout: 10_000 }).toBe('two');
  });

  test('a pair that does not fit at the start is a ConfigError', async () => {
    const http = { tls: { cert: paths('one').cert, key: paths('two').key } };
    const attempt = startHttp({ http });
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow(
      /^http\.tls: ".*cert\.pem" and ".*key\.pem" cannot be used as certificate/,
    );
  });
});

test('a TCP port held by a plain program is reported the same way on "::"', async () => {
  const other = createServer().listen(0, '::');
  await once(other, 'listening');
  const address: AddressInfo | string | null = other.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  await expect(startHttp({ http: { host: '::', port: address.port } })).rejects.toThrow(
    'is in use by another program',
  );
  other.close();
});
