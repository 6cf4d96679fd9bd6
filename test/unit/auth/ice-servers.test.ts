import { expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { iceServersFor } from '../../../server/auth/ice-servers.ts';

const configured = { urls: ['turns:own.example.org'], username: 'me', credential: 'mine' };
const turn = { urls: ['turn:turn.example.org:3478?transport=udp'], secret: 'north', ttl: 21_600 };
const config = configSchema.parse({ iceServers: [configured], turn });

test('time-limited credentials, as openssl computes them', () => {
  // printf '1700021600:abc123' | openssl dgst -sha1 -hmac north -binary | base64
  expect(iceServersFor(config, { now: 1_700_000_000_999, random: 'abc123' })).toEqual([
    configured,
    { urls: turn.urls, username: '1700021600:abc123', credential: 'zfUxiVq1aQKcu1E8T1jGdBfdcyY=' },
  ]);
});

test('they are fresh for each session, and never hold the secret', () => {
  const [one, other] = [iceServersFor(config)[1], iceServersFor(config)[1]];
  expect(one?.username).toMatch(/^\d{10}:[0-9a-f]{16}$/);
  expect(one?.username).not.toBe(other?.username);
  expect(one?.credential).not.toBe(other?.credential);
  expect(JSON.stringify(one)).not.toContain('north');
});

test('without TURN servers it is what is configured', () => {
  expect(iceServersFor(configSchema.parse({ iceServers: [configured] }))).toEqual([configured]);
  expect(iceServersFor(configSchema.parse({}))).toEqual([]);
});
