import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { TestClient } from '../helpers/client.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

let server: TestServer | undefined;
const directory = mkdtempSync(join(tmpdir(), 'pharos-deployment-'));
afterEach(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test('with a certificate, signaling is WSS', async () => {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const subject = [
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
    '-days',
    '2',
    '-nodes',
  ];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
  execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  server = await startServer({ PHAROS_HTTP_TLS_KEY: key, PHAROS_HTTP_TLS_CERT: cert });
  const client = await TestClient.connect(`wss://127.0.0.1:${server.port}/ws`, { rejectUnauthorized: false });
  await client.event('welcome');
  await expect(TestClient.connect(server.wsUrl)).rejects.toThrow();
});

test('ICE servers reach the clients; TURN credentials are fresh for each session and limited in time', async () => {
  const secret = 'a-secret-that-coturn-knows-too';
  server = await startServer({
    PHAROS_ICE_SERVERS: '[{ urls: "stun:stun.example.org:3478" }]',
    PHAROS_TURN_URLS: 'turn:turn.example.org:3478',
    PHAROS_TURN_SECRET: secret,
    PHAROS_TURN_TTL: 600,
  });
  const wsUrl = server.wsUrl;
  const welcomes = await Promise.all(
    [1, 2].map(async () => (await TestClient.connect(wsUrl)).event('welcome')),
  );
  const turns = welcomes.map(({ iceServers: [stun, turn] }) => {
    expect(stun).toEqual({ urls: ['stun:stun.example.org:3478'] });
    if (!turn?.username) throw new Error('no TURN server');
    const password = createHmac('sha1', secret).update(turn.username).digest('base64');
    expect(turn).toMatchObject({ urls: ['turn:turn.example.org:3478'], credential: password });
    const left = Number(turn.username.split(':')[0]) - Date.now() / 1000;
    expect(left).toBeGreaterThan(590);
    expect(left).toBeLessThanOrEqual(601);
    return turn.username;
  });
  expect(turns[0]).not.toBe(turns[1]);
  expect(server.output()).not.toContain(secret);
});
