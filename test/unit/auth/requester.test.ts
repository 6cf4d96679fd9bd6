import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { clientAddress, isLocal } from '../../../server/auth/requester.ts';

/** A request as Node hands it over, from a peer of this address. */
function request(peer: string, headers: IncomingMessage['headers'] = {}): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  return Object.assign(new IncomingMessage(socket), { headers });
}

describe('the address of a client', () => {
  const from = (peer: string, forwarded: string | undefined, proxies: string[]) =>
    clientAddress(request(peer, { 'x-forwarded-for': forwarded }), proxies);

  test.each([
    ['no proxy is trusted: the header says nothing', '198.51.100.7', '203.0.113.9', [], '198.51.100.7'],
    ['a peer that is no proxy of ours', '198.51.100.7', '203.0.113.9', ['10.0.0.0/8'], '198.51.100.7'],
    ['one proxy', '10.0.0.2', '203.0.113.9', ['10.0.0.0/8'], '203.0.113.9'],
    [
      'what the client wrote stands to the left',
      '10.0.0.2',
      '1.2.3.4, 203.0.113.9',
      ['10.0.0.2'],
      '203.0.113.9',
    ],
    [
      'proxies in a row',
      '127.0.0.1',
      '1.2.3.4, 203.0.113.9, 10.0.0.7',
      ['loopback', 'private'],
      '203.0.113.9',
    ],
    [
      'a proxy that is not trusted ends it',
      '127.0.0.1',
      '203.0.113.9, 198.51.100.1',
      ['loopback'],
      '198.51.100.1',
    ],
    ['the proxy itself asks', '127.0.0.1', undefined, ['loopback'], '127.0.0.1'],
    ['IPv4 in IPv6', '::ffff:127.0.0.1', '203.0.113.9', ['loopback'], '203.0.113.9'],
    ['IPv6', '::1', '2001:db8::7', ['loopback'], '2001:db8::7'],
    ['with a port', '::1', '203.0.113.9:4711', ['loopback'], '203.0.113.9'],
    ['IPv6 with a port', '::1', '[2001:db8::7]:4711', ['loopback'], '2001:db8::7'],
    ['no address', '::1', '203.0.113.9, unknown', ['loopback'], '::1'],
    ['nothing but commas', '::1', ',,,', ['loopback'], '::1'],
  ])('%s', (_what, peer, forwarded, proxies, expected) => {
    expect(from(peer, forwarded, proxies)).toBe(expected);
  });

  test('a header of thousands of trusted addresses ends', () => {
    const forwarded = Array.from({ length: 5000 }, () => '10.0.0.1').join();
    expect(from('10.0.0.2', forwarded, ['private'])).toBe('10.0.0.1');
  });
});

test('nobody is local behind a proxy', () => {
  const direct = request('127.0.0.1', { host: 'localhost:3000' });
  const http = (settings: object) => configSchema.parse({ http: settings }).http;
  expect(isLocal(direct, http({}))).toBe(true);
  expect(isLocal(direct, http({ trustedProxies: ['192.0.2.1'] }))).toBe(false);
  expect(isLocal(direct, http({ publicUrl: 'https://live.example.org' }))).toBe(false);
  expect(
    isLocal(request('127.0.0.1', { host: 'localhost:3000', 'x-forwarded-for': '127.0.0.1' }), http({})),
  ).toBe(false);
});
