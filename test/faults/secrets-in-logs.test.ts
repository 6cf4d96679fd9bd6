/** Every secret that a server can be given or gives out is used, at the most talkative level: none is in its log. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { capabilities, DTLS, publish, TestClient } from '../helpers/client.ts';
import { publishMedia, watchPackets } from '../helpers/live.ts';
import { publishOffer } from '../helpers/sdp.ts';
import { startServer } from '../helpers/server.ts';

/** Known names, so that a failure says which one it was. */
const GIVEN = {
  publishKey: 'SECRET-publish-key-0001',
  adminKey: 'SECRET-admin-key-0002',
  staticKey: 'SECRET-static-key-0003',
  jwtSecret: 'SECRET-jwt-secret-0004-of-32-letters',
  webhookSecret: 'SECRET-webhook-0005',
  webhookQuery: 'SECRET-webhook-query-0006',
  turnSecret: 'SECRET-turn-0007',
  iceCredential: 'SECRET-ice-credential-0008',
  hookSecret: 'SECRET-recording-hook-0009',
  hookQuery: 'SECRET-recording-hook-query-0010',
  s3Access: 'SECRET-s3-access-0011',
  s3Secret: 'SECRET-s3-secret-0012',
  cameraPassword: 'SECRET-camera-0013',
  cameraQuery: 'SECRET-camera-query-0014',
  addedCamera: 'SECRET-added-camera-0015',
  wrongKey: 'SECRET-wrong-key-0016',
  query: 'SECRET-query-0017',
  body: 'SECRET-body-0018',
  cookie: 'SECRET-cookie-0019',
};

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Refuses all that it is asked, so that there is something to complain about. */
async function refusing(): Promise<string> {
  const double = createServer((request, response) => {
    request.resume();
    response.writeHead(500).end(GIVEN.body);
  });
  double.listen(0, '127.0.0.1');
  await once(double, 'listening');
  closing.push(() => double.close());
  const { port } = double.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

const jwt = (claims: Record<string, unknown>, expires: string) =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(GIVEN.jwtSecret));

test('no secret is in the log, whatever is done with it', async () => {
  const elsewhere = await refusing();
  const server = await startServer({
    PHAROS_LOG_LEVEL: 'trace',
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_PUBLISH_KEY: GIVEN.publishKey,
    PHAROS_AUTH_ADMIN_KEY: GIVEN.adminKey,
    PHAROS_AUTH_KEYS: JSON.stringify([{ name: 'studio', key: GIVEN.staticKey, actions: ['publish'] }]),
    PHAROS_AUTH_JWT_SECRET: GIVEN.jwtSecret,
    PHAROS_AUTH_WEBHOOK_URL: `${elsewhere}/?t=${GIVEN.webhookQuery}`,
    PHAROS_AUTH_WEBHOOK_SECRET: GIVEN.webhookSecret,
    PHAROS_TURN_URLS: 'turn:127.0.0.1:3478',
    PHAROS_TURN_SECRET: GIVEN.turnSecret,
    PHAROS_ICE_SERVERS: JSON.stringify([
      { urls: 'turn:192.0.2.1:3478', username: 'user', credential: GIVEN.iceCredential },
    ]),
    PHAROS_RECORDINGS_RECORD: '[{ streams: "*", record: always }]',
    PHAROS_RECORDINGS_HOOK_URL: `${elsewhere}/?t=${GIVEN.hookQuery}`,
    PHAROS_RECORDINGS_HOOK_SECRET: GIVEN.hookSecret,
    PHAROS_RECORDINGS_S3_BUCKET: 'bucket',
    PHAROS_RECORDINGS_S3_ENDPOINT: elsewhere,
    PHAROS_RECORDINGS_S3_ACCESS_KEY: GIVEN.s3Access,
    PHAROS_RECORDINGS_S3_SECRET: GIVEN.s3Secret,
    PHAROS_CAMERAS: JSON.stringify([
      {
        stream: 'door',
        url: `rtsp://user:${GIVEN.cameraPassword}@127.0.0.1:9/x?t=${GIVEN.cameraQuery}`,
        onDemand: false,
      },
    ]),
    PHAROS_LIMITS_DRAIN_TIME: 6,
    PHAROS_LIMITS_IDLE_TIME: 1,
  });
  closing.push(() => server.stop('SIGKILL'));
  const secrets: Record<string, string> = { ...GIVEN };
  const admin = { Authorization: `Bearer ${GIVEN.adminKey}` };

  // Tokens: good, expired, broken.
  secrets.token = await jwt({ act: 'publish', stream: '*', sub: 'lecturer', jti: 'one' }, '1h');
  secrets.expired = await jwt({ act: 'publish', stream: '*' }, '-1h');
  secrets.broken = `${secrets.token.slice(0, -6)}AAAAAA`;

  // WebSocket: right and wrong keys, session secrets, a token in the address, what is no request at all.
  const { client } = await publish(server.wsUrl, { stream: 'by-key', key: GIVEN.publishKey });
  const welcome = await client.event('welcome');
  for (const { credential } of welcome.iceServers)
    if (credential) secrets[`credential ${credential}`] = credential;
  await publish(server.wsUrl, { stream: 'by-token', key: secrets.token });
  await publish(server.wsUrl, { stream: 'by-static-key', key: GIVEN.staticKey });
  const stranger = await TestClient.connect(`${server.wsUrl}?token=${GIVEN.query}&key=${GIVEN.wrongKey}`);
  for (const key of [GIVEN.wrongKey, secrets.expired, secrets.broken]) {
    await stranger.refusal({ type: 'publish', stream: 'x', key, tracks: ['video'] });
  }
  await stranger.refusal({ type: 'publish', stream: 'x', key: 5, password: GIVEN.body });
  await stranger.refusal({ type: 'resume', session: GIVEN.wrongKey, seq: 0 });
  stranger.send(`{"key": "${GIVEN.body}`);
  const watcher = await TestClient.connect(server.wsUrl);
  const watched = await watcher.request('watch', {
    stream: 'by-key',
    rtpCapabilities: await capabilities(watcher),
  });
  secrets.session = watched.session;
  if (watched.state === 'live') {
    const { iceParameters } = watched.media.transport;
    secrets.icePassword = iceParameters.password;
    await watcher.request('connect', { dtlsParameters: DTLS });
  }
  watcher.ws.terminate();

  // WHIP and WHEP: their session's URL, changes of it, wrong tokens.
  const live = await publishMedia(server.url, 'lecture', 'vp8', { token: GIVEN.publishKey });
  closing.push(() => live.stop());
  const player = await watchPackets(server.url, 'lecture');
  closing.push(() => player.stop());
  const post = (path: string, token: string, body: string, type = 'application/sdp') =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': type, Authorization: `Bearer ${token}`, Cookie: `key=${GIVEN.cookie}` },
      body,
    });
  for (const token of [GIVEN.wrongKey, secrets.expired, secrets.broken, secrets.token])
    await post('/whip/other', token, `v=0\r\na=ice-pwd:${GIVEN.body}\r\n`);
  const { resource } = await whipSession(server.url, secrets.token);
  secrets.sessionUrl = resource.split('/').at(-1) ?? '';
  for (const method of ['PATCH', 'DELETE', 'DELETE', 'PUT'])
    await fetch(server.url + resource, { method, headers: { 'If-Match': GIVEN.query } });
  await player.seconds('video', 2);

  // REST: keys right and wrong, bodies that are none, secrets in addresses.
  for (const path of ['/', '/watch/x', '/api/cameras', '/metrics', '/nothing', '/api/recordings/a/b'])
    await fetch(`${server.url}${path}?key=${GIVEN.query}`, {
      headers: { Authorization: `Bearer ${GIVEN.wrongKey}` },
    });
  await post('/api/cameras', GIVEN.adminKey, `{"password": "${GIVEN.body}`, 'application/json');
  const camera = { stream: 'added', url: `rtsp://user:${GIVEN.addedCamera}@192.0.2.7/x` };
  await post('/api/cameras', GIVEN.adminKey, JSON.stringify(camera), 'application/json');
  await post('/api/revoke', GIVEN.adminKey, JSON.stringify({ jti: 'one' }), 'application/json');
  await fetch(`${server.url}/api/streams/lecture`, { method: 'DELETE', headers: admin });

  // A recording: its links, its upload and its hook, which are refused elsewhere.
  await server.record('recording finished');
  const listed = z.object({
    recordings: z.array(z.object({ parts: z.array(z.object({ url: z.nullable(z.string()) })) })),
  });
  const { recordings } = listed.parse(
    await (await fetch(`${server.url}/api/recordings`, { headers: admin })).json(),
  );
  const link = recordings.flatMap(({ parts }) => parts).find(({ url }) => url)?.url ?? '';
  secrets.recordingLink = new URL(link, server.url).searchParams.get('grant') ?? '';
  await fetch(server.url + link);
  await fetch(`${server.url}${link}x`);

  await client.close();
  await server.stop();

  const log = server.output();
  const lines = log.trim().split('\n').length;
  const found = Object.entries(secrets).flatMap(([name, secret]) => {
    expect(secret.length, `${name} was used`).toBeGreaterThanOrEqual(8);
    const written = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    ];
    return written.some((text) => log.includes(text)) ? [name] : [];
  });
  console.info(`${Object.keys(secrets).length} secrets, ${lines} lines of log`);
  expect(found).toEqual([]);
  expect(log).not.toMatch(/a=(ice-pwd|fingerprint)|"v=0/);
  // It was no silent server.
  for (const message of ['server up', 'stream live', 'recording finished', 'drained'])
    expect(log).toContain(message);
  expect(lines).toBeGreaterThan(20);
});

/** A WHIP session of this token, by a bare offer: the path of its URL. */
async function whipSession(url: string, token: string): Promise<{ resource: string }> {
  const response = await fetch(`${url}/whip/bare`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
    body: publishOffer(),
  });
  expect(response.status).toBe(201);
  return { resource: response.headers.get('location') ?? '' };
}
