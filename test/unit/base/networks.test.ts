import { expect, test } from 'vitest';
import { inNetworks, inProxies, isNetwork, isProxy, isPublic } from '../../../server/base/networks.ts';

test.each([
  '1.1.1.1',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700::1111',
  '2001:200::1',
  '::ffff:1.1.1.1',
  '::ffff:101:101',
])('%s is public', (address) => {
  expect(isPublic(address)).toBe(true);
});

test.each([
  ['this host', '0.0.0.0'],
  ['private', '10.1.2.3'],
  ['private', '172.16.0.1'],
  ['private', '172.31.255.255'],
  ['private', '192.168.0.1'],
  ["behind a provider's NAT", '100.64.0.1'],
  ['metadata (Alibaba)', '100.100.100.200'],
  ['metadata (Azure)', '168.63.129.16'],
  ['metadata (AWS, Google)', '169.254.169.254'],
  ['metadata (Oracle)', '192.0.0.192'],
  ['metadata (AWS, IPv6)', 'fd00:ec2::254'],
  ['loopback', '127.0.0.1'],
  ['loopback', '127.255.255.254'],
  ['loopback', '::1'],
  ['unspecified', '::'],
  ['multicast', '224.0.0.1'],
  ['multicast', 'ff02::1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['link-local', 'fe80::1'],
  ['link-local with its zone', 'fe80::1%eth0'],
  ['unique local', 'fd12::1'],
  ['mapped', '::ffff:127.0.0.1'],
  ['mapped, in hexadecimal', '::ffff:7f00:1'],
  ['mapped, at length', '0:0:0:0:0:ffff:c0a8:0001'],
  ['compatible', '::127.0.0.1'],
  ['translated', '64:ff9b::7f00:1'],
  ['6to4', '2002:7f00:1::'],
  ['Teredo', '2001::1'],
  ['documentation', '2001:db8::1'],
  ['no address', 'localhost'],
  ['no address', ''],
])('%s: %s is not public', (_what, address) => {
  expect(isPublic(address)).toBe(false);
});

test('networks that were named', () => {
  const named = inNetworks(['192.168.1.0/24', '10.0.0.5', 'fd12::/16']);
  for (const address of ['192.168.1.77', '10.0.0.5', 'fd12:3::1', '::ffff:192.168.1.1', '::ffff:c0a8:101']) {
    expect(named(address), address).toBe(true);
  }
  for (const address of ['192.168.2.1', '10.0.0.6', 'fd13::1', '1.1.1.1', 'localhost', '']) {
    expect(named(address), address).toBe(false);
  }
  expect(inNetworks([])('127.0.0.1')).toBe(false);
  expect(inNetworks(['0.0.0.0/0'])('127.0.0.1')).toBe(true);
  expect(inNetworks(['0.0.0.0/0'])('::1')).toBe(false);
});

test.each([
  ['10.0.0.0/8', true],
  ['10.0.0.1', true],
  ['::/0', true],
  ['fe80::1%eth0', false],
  ['10.0.0.0/33', false],
  ['fd00::/129', false],
  ['10.0.0.0/', false],
  ['10.0.0/8', false],
  ['10.0.0.0/8/8', false],
  ['example.org', false],
  ['', false],
])('%s is a network: %s', (text, expected) => {
  expect(isNetwork(text)).toBe(expected);
});

test('proxies are networks, addresses, or one of two words', () => {
  for (const entry of ['loopback', 'private', '10.0.0.0/8', '::1']) expect(isProxy(entry)).toBe(true);
  for (const entry of ['', 'localhost', 'toString', '10.0.0.0/33', '1']) expect(isProxy(entry)).toBe(false);
  const among = inProxies(['loopback', 'private', '192.0.2.1']);
  for (const address of ['127.0.0.9', '::1', '::ffff:10.1.2.3', '192.168.0.1', 'fd00::1', '192.0.2.1'])
    expect(among(address), address).toBe(true);
  for (const address of ['192.0.2.2', '2001:db8::1', '172.32.0.1', ''])
    expect(among(address), address).toBe(false);
});
