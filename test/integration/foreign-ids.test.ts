/**
 * Every request with the ids and secrets of somebody else: another session, another stream, something that
 * is over. What requests there are, and what fields they have, is read from the schema: a new one fails
 * here until it is said what its fields are.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REQUEST_TYPES, type RequestType, request } from '../../server/protocol/messages.ts';
import { KEYS, token } from '../helpers/authority.ts';
import {
  capabilities,
  DTLS,
  publish,
  RECEIVING,
  rtpParameters,
  SENDING,
  TestClient,
} from '../helpers/client.ts';
import { type Live, type Packets, publishMedia, watchPackets } from '../helpers/live.ts';
import { fragment } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

const THEIRS = 'private-theirs';
const MINE = 'mine';

/** Fields by which something is named that may be another's. */
const IDS = ['stream', 'key', 'resume', 'session'];
/** All others: they say how, not whose. */
const NO_IDS = [
  'tracks',
  'rtpCapabilities',
  'seq',
  'dtlsParameters',
  'kind',
  'rtpParameters',
  'milliseconds',
  'video',
  'spatialLayer',
  'title',
  'limitation',
  'bitrate',
  'width',
  'height',
  'frameRate',
  'roundTrip',
  'lost',
  'path',
  'frozen',
  'slowDecoder',
];

type Fields = Record<string, unknown>;

let server: TestServer;
let victim: { publisher: TestClient; viewer: TestClient; secrets: string[]; ids: string[] };
let whip: { live: Live; player: Packets; publishing: string; playing: string };
let attacker: { key: string; closed: string; own: string };
/** May publish all that the victim may, and is somebody else. */
let colleague: string;
/** Each request as its sender would have it. */
let requests: Record<RequestType, Fields>;
let foreign: string[];

beforeAll(async () => {
  server = await startServer({
    PHAROS_AUTH_PUBLISH: 'key',
    PHAROS_AUTH_PUBLISH_KEY: KEYS.publish,
    PHAROS_AUTH_ADMIN_KEY: KEYS.admin,
    PHAROS_AUTH_JWT_SECRET: KEYS.jwt,
    PHAROS_AUTH_PRIVATE: 'private-*',
    PHAROS_HTTP_TRUSTED_PROXIES: '127.0.0.1',
    PHAROS_LIMITS_MEDIA_SETUP_TIME: 120,
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 100_000,
    PHAROS_LIMITS_MESSAGES_PER_SECOND: 10_000,
  });
  const own = await token({ actions: ['publish'], stream: `${MINE}*`, subject: 'attacker' });
  const theirs = await token({ actions: ['publish'], stream: 'private-*', subject: 'victim' });
  colleague = await token({ actions: ['publish'], stream: 'private-*', subject: 'colleague' });
  victim = await beginVictim(theirs);
  whip = await beginWhip(theirs);
  attacker = { key: own, closed: await closedSession(own), own: await liveSession(own) };
  foreign = [
    attacker.closed,
    attacker.own,
    ...victim.ids,
    ...victim.secrets.flatMap(nearly),
    '',
    '*',
    THEIRS,
  ];
  const rtpCapabilities = await capabilities(victim.viewer);
  requests = {
    publish: { stream: THEIRS, key: own, tracks: ['audio', 'video'] },
    probe: { stream: THEIRS, key: own },
    watch: { stream: THEIRS, key: own, rtpCapabilities },
    resume: { session: attacker.closed, seq: 0 },
    connect: { dtlsParameters: DTLS },
    restart_ice: {},
    produce: { kind: 'audio', rtpParameters: rtpParameters('opus') },
    prefer: { video: true },
    title: { title: 'Theirs' },
    sending: SENDING,
    receiving: RECEIVING,
    first_frame: { milliseconds: 100 },
    stop: {},
    ping: {},
  };
});

afterAll(async () => {
  await whip?.player.stop();
  await whip?.live.stop();
  await server?.stop();
});

test('it is known of every field of every request whether it names something', () => {
  expect(request.def.options.map(({ shape }) => shape.type.def.values[0])).toEqual(REQUEST_TYPES);
  const fields = request.def.options.flatMap(({ shape }) => Object.keys(shape));
  expect([...new Set(fields)].sort()).toEqual([...IDS, ...NO_IDS, 'id', 'type'].sort());
});

const namedBy = (type: RequestType) => IDS.filter((field) => field in shapeOf(type));

/** All but the one that is about the connection alone. */
const ABOUT_SOMETHING = REQUEST_TYPES.filter((type) => type !== 'ping');

test.each(ABOUT_SOMETHING)(
  '%s on a connection that has nothing of its own is refused, whatever it names',
  async (type) => {
    for (const fields of variants(type, namedBy(type))) await refused({ type, ...fields });
  },
);

describe.each(REQUEST_TYPES)('%s', (type) => {
  const named = () => namedBy(type);

  test('with ids that it does not take is refused, also by who has a session', async () => {
    const { client } = await publish(server.wsUrl, { stream: `${MINE}-${type}`, key: attacker.key });
    const names = ['transportId', 'producerId', 'consumerId', 'viewerId', 'sessionId', ...IDS];
    for (const name of names.filter((each) => !(each in shapeOf(type)))) {
      for (const value of foreign.slice(0, 6)) {
        const { code } = await client.refusal({ type, ...requests[type], [name]: value });
        expect(code, `${name} in ${type}`).toBe('bad_request');
      }
    }
    for (const fields of variants(type, named())) {
      if (named().length > 0) await client.refusal({ type, ...fields });
    }
    await client.close();
  });
});

test('a stream is not taken over by who may publish it too, with whatever secret but the right one', async () => {
  for (const resume of [undefined, ...foreign.filter((each) => each.length <= 64)]) {
    const code = await refused({ type: 'publish', ...requests.publish, key: colleague, resume });
    expect(['stream_in_use', 'session_lost', 'not_allowed']).toContain(code);
  }
});

test('what administrators see of a session is not its secret', async () => {
  const seen = await (await rest('GET', `/api/streams/${THEIRS}/sessions`, KEYS.admin)).text();
  expect(seen).toContain('"role":"viewer"');
  for (const secret of [...victim.secrets, whip.publishing, whip.playing].map((url) =>
    url.split('/').at(-1),
  )) {
    expect(seen).not.toContain(secret);
  }
});

describe('WHIP and WHEP', () => {
  test("a session's URL is of its protocol and its stream alone, and nothing else is one", async () => {
    const [publishing = '', playing = ''] = [whip.publishing, whip.playing].map((url) =>
      url.split('/').at(-1),
    );
    const wrong = [
      ...[`/whep/private-whip/${publishing}`, `/whip/private-whip/${playing}`],
      ...[`/whip/${THEIRS}/${publishing}`, `/whip/${MINE}/${publishing}`, `/whep/${MINE}/${playing}`],
      ...foreign.filter(Boolean).map((each) => `/whip/private-whip/${encodeURIComponent(each)}`),
      ...foreign.filter(Boolean).map((each) => `/whep/private-whip/${encodeURIComponent(each)}`),
      ...nearly(publishing).map((each) => `/whip/private-whip/${encodeURIComponent(each)}`),
    ];
    for (const path of wrong) {
      for (const key of ['', attacker.key, colleague]) {
        expect((await rest('DELETE', path, key)).status, path).toBe(404);
        const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
        const body = fragment('EsAw');
        const patched = await fetch(server.url + path, { method: 'PATCH', headers, body });
        expect(patched.status, path).toBe(404);
      }
    }
  });

  test("a grant for one stream neither publishes nor watches another's", async () => {
    for (const path of ['/whip/private-whip', '/whep/private-whip', `/whip/${THEIRS}`, `/whep/${THEIRS}`]) {
      const headers = {
        ...fromElsewhere(),
        'Content-Type': 'application/sdp',
        Authorization: `Bearer ${attacker.key}`,
      };
      const answer = await fetch(server.url + path, { method: 'POST', headers, body: 'v=0\r\n' });
      expect(answer.status, path).toBe(401);
    }
  });
});

test("a grant for one stream does nothing to another's by the REST API, nor does one for none", async () => {
  const routes: [string, string][] = [
    ...(['GET', 'DELETE'] as const).map((method): [string, string] => [method, `/api/streams/${THEIRS}`]),
    ...['GET', 'POST', 'DELETE'].map((method): [string, string] => [
      method,
      `/api/streams/${THEIRS}/recording`,
    ]),
    ['GET', '/api/streams'],
    ['GET', `/api/streams/${THEIRS}/sessions`],
    ...victim.ids.map((id): [string, string] => ['DELETE', `/api/streams/${THEIRS}/sessions/${id}`]),
    ['GET', '/api/recordings'],
    ['DELETE', `/api/recordings/${THEIRS}/2026-11-21T13-16-58.123Z`],
    ['POST', '/api/revoke'],
    ['GET', '/api/cameras'],
    ['GET', '/metrics'],
  ];
  for (const [method, path] of routes) {
    expect((await rest(method, path, attacker.key)).status, `${method} ${path}`).toBe(401);
    expect((await rest(method, path, '')).status, `${method} ${path}`).toBe(401);
  }
});

test("not even the admin key makes another stream's session one of this", async () => {
  const list = await (await rest('GET', `/api/streams/${THEIRS}/sessions`, KEYS.admin)).json();
  expect(list.sessions).toHaveLength(2);
  for (const { id } of list.sessions) {
    expect((await rest('DELETE', `/api/streams/private-whip/sessions/${id}`, KEYS.admin)).status).toBe(404);
  }
  for (const id of foreign.filter((each) => /^[\w-]+$/.test(each))) {
    expect((await rest('DELETE', `/api/streams/${THEIRS}/sessions/${id}`, KEYS.admin)).status).toBe(404);
  }
});

test('after all that the others are unharmed', async () => {
  for (const client of [victim.publisher, victim.viewer]) {
    const told = client.received.map((message) => JSON.stringify(message));
    for (const event of ['"ended"', '"away"', '"closing"', '"move"']) {
      expect(told.some((message) => message.includes(`"type":${event}`))).toBe(false);
    }
    expect(client.ws.readyState).toBe(client.ws.OPEN);
    await client.request('restart_ice', {});
  }
  const { audio } = whip.player.of;
  const before = audio.length;
  await expect.poll(() => audio.length, { timeout: 10_000 }).toBeGreaterThan(before + 20);
  expect(server.output()).not.toContain('"level":50');
});

/** A request with one thing that it names replaced by all that is somebody else's; as it is, if it names nothing. */
function variants(type: RequestType, named: readonly string[]): Fields[] {
  const fields = requests[type];
  if (named.length === 0) return [fields];
  // Whatever else it names is of the attacker's own, or the stream in question.
  return [
    fields,
    ...named.flatMap((field) => valuesOf(field).map((value) => ({ ...fields, [field]: value }))),
  ];
}

function valuesOf(field: string): unknown[] {
  if (field === 'stream') return [THEIRS, 'private-whip', `${THEIRS}/../${MINE}`, `${THEIRS} `, '*', ''];
  // The attacker's own session is no foreign one to be resumed.
  if (field === 'session') return foreign.filter((each) => each !== attacker.own);
  if (field === 'key') return [undefined, ...foreign, KEYS.admin];
  return foreign;
}

async function refused(message: Fields): Promise<string> {
  const client = await TestClient.connect(server.wsUrl, { headers: fromElsewhere() });
  try {
    const { code } = await client.refusal(message);
    expect(['internal', 'too_many_requests']).not.toContain(code);
    return code;
  } finally {
    await client.close();
  }
}

function shapeOf(type: RequestType): Fields {
  const found = request.def.options.find(({ shape }) => shape.type.def.values[0] === type);
  if (!found) throw new Error(`no schema of ${type}`);
  return found.shape;
}

let addresses = 0;
/** Each time another address: guesses are limited, and no refusal is to be for that. */
function fromElsewhere(): Record<string, string> {
  addresses += 1;
  return { 'X-Forwarded-For': `198.51.${addresses >> 8}.${addresses & 0xff}` };
}

/** What is almost that secret. */
function nearly(secret: string): string[] {
  const last = secret.at(-1) === 'A' ? 'B' : 'A';
  return [secret.slice(0, -1), secret.slice(0, -1) + last, `${secret}A`, secret.toLowerCase(), ` ${secret}`];
}

const rest = (method: string, path: string, key: string) =>
  fetch(server.url + path, {
    method,
    headers: { ...fromElsewhere(), ...(key && { Authorization: `Bearer ${key}` }) },
  });

/** Publishes and watches by WebSocket; all that others may come to know of it is in `ids`. */
async function beginVictim(key: string) {
  const { client: publisher } = await publish(server.wsUrl, { stream: THEIRS, key });
  const viewer = await TestClient.connect(server.wsUrl);
  const rtpCapabilities = await capabilities(viewer);
  const answer = await viewer.request('watch', { stream: THEIRS, key, rtpCapabilities });
  if (answer.state !== 'live') throw new Error('the stream is not live');
  const told = publisher.received.map((message) => JSON.stringify(message)).join('\n');
  const [, secret = ''] = /"session":"([^"]+)"/.exec(told) ?? [];
  const [, transport = ''] = /"transport":\{"id":"([^"]+)"/.exec(told) ?? [];
  const { consumers } = answer.media;
  const ids = [
    transport,
    answer.media.transport.id,
    ...consumers.flatMap(({ id, producerId }) => [id, producerId]),
  ];
  return { publisher, viewer, secrets: [secret, answer.session], ids };
}

async function beginWhip(key: string) {
  const live = await publishMedia(server.url, 'private-whip', 'h264', { token: key });
  const player = await watchPackets(server.url, 'private-whip', { token: key });
  return { live, player, publishing: live.resource.url.pathname, playing: player.resource.url.pathname };
}

async function closedSession(key: string): Promise<string> {
  const client = await TestClient.connect(server.wsUrl);
  const { session } = await client.request('publish', { stream: `${MINE}-over`, key, tracks: ['audio'] });
  await client.request('stop', {});
  await client.close();
  return session;
}

async function liveSession(key: string): Promise<string> {
  const client = await TestClient.connect(server.wsUrl);
  const { session } = await client.request('publish', { stream: `${MINE}-own`, key, tracks: ['audio'] });
  return session;
}
