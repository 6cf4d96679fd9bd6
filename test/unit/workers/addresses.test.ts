import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../config/errors.ts';
import {
  checkAnnouncedAddress,
  type Interfaces,
  listenInfos,
  mediaAddresses,
} from '../../../workers/media/addresses.ts';

function machine(addresses: Record<string, string[]>): Interfaces {
  const info = (address: string) => ({
    address,
    family: address.includes(':') ? ('IPv6' as const) : ('IPv4' as const),
    internal: address === '::1' || address.startsWith('127.'),
    netmask: '',
    mac: '',
    cidr: null,
    scopeid: 0,
  });
  return Object.fromEntries(Object.entries(addresses).map(([name, list]) => [name, list.map(info)]));
}

/** Large, as a worker may run late. */
const BUFFERS = { sendBufferSize: 4_194_304, recvBufferSize: 4_194_304 };
const LOOPBACK = ['127.0.0.1', '::1'];
const home = machine({
  lo: LOOPBACK,
  docker0: ['172.17.0.1'],
  eth0: ['fd00::2', '192.168.1.5', 'fe80::1', '169.254.3.4'],
  wlan0: ['192.168.1.6', 'fd00::2'],
});

const plain: { listenAddresses: string[]; announcedAddress: string } = {
  listenAddresses: [],
  announcedAddress: '',
};
const behindNat = (announcedAddress: string) => ({ listenAddresses: [], announcedAddress });
const addresses = (config: typeof plain, interfaces: Interfaces) =>
  mediaAddresses(config, interfaces).addresses;
const ips = (interfaces: Interfaces) => addresses(plain, interfaces).map(({ ip }) => ip);

describe('without an announced address', () => {
  test('every address but link-local ones, once: real interfaces first, loopback last', () => {
    expect(ips(home)).toEqual(['192.168.1.5', '192.168.1.6', 'fd00::2', '172.17.0.1', '127.0.0.1', '::1']);
  });

  test('a machine without network or IPv6 has IPv4 loopback', () => {
    expect(ips(machine({ lo: ['127.0.0.1'] }))).toEqual(['127.0.0.1']);
    expect(ips({})).toEqual(['127.0.0.1']);
  });

  test('UDP first, then TCP, all on one port', () => {
    expect(listenInfos(plain, 40001, machine({ lo: ['127.0.0.1'], eth0: ['10.0.0.1'] }))).toEqual([
      { protocol: 'udp', ip: '10.0.0.1', port: 40001, ...BUFFERS },
      { protocol: 'udp', ip: '127.0.0.1', port: 40001, ...BUFFERS },
      { protocol: 'tcp', ip: '10.0.0.1', port: 40001 },
      { protocol: 'tcp', ip: '127.0.0.1', port: 40001 },
    ]);
  });

  test('at most sixteen, loopback among them; those left out are named', () => {
    const many = Array.from({ length: 20 }, (_, index) => `10.0.0.${index}`);
    const { addresses: listed, left } = mediaAddresses(plain, machine({ lo: LOOPBACK, eth0: many }));
    expect(listed).toHaveLength(16);
    expect(listed.slice(-2).map(({ ip }) => ip)).toEqual(LOOPBACK);
    expect(left).toEqual(many.slice(14));
  });

  test('every address of this machine can be bound, all on one port', async () => {
    const infos = listenInfos(plain, 0, networkInterfaces());
    const sockets = [];
    let port = 0;
    for (const { ip } of infos.filter(({ protocol }) => protocol === 'udp')) {
      const socket = createSocket(ip.includes(':') ? 'udp6' : 'udp4').bind(port, ip);
      sockets.push(socket);
      await once(socket, 'listening');
      port = socket.address().port;
    }
    for (const socket of sockets) socket.close();
  });
});

describe('with an announced address', () => {
  test('it is a candidate beside those of its kind, the most preferred one; the others stay', () => {
    expect(addresses(behindNat('203.0.113.5'), home)).toEqual([
      { ip: '192.168.1.5', announcedAddress: '203.0.113.5', exposeInternalIp: true },
      { ip: '192.168.1.6', announcedAddress: '203.0.113.5', exposeInternalIp: true },
      { ip: 'fd00::2' },
      { ip: '172.17.0.1' },
      { ip: '127.0.0.1' },
      { ip: '::1' },
    ]);
  });

  test('IPv6 likewise', () => {
    expect(addresses(behindNat('2001:db8::5'), home)[0]).toEqual({
      ip: 'fd00::2',
      announcedAddress: '2001:db8::5',
      exposeInternalIp: true,
    });
  });

  test('virtual interfaces announce it only where there is nothing else', () => {
    const inside = machine({ lo: LOOPBACK, docker0: ['172.17.0.1'] });
    expect(addresses(behindNat('203.0.113.5'), inside)[0]).toMatchObject({
      ip: '172.17.0.1',
      exposeInternalIp: true,
    });
  });

  test('a host name goes with IPv4, unless there is only IPv6', () => {
    const name = behindNat('media.example.org');
    expect(addresses(name, home).find((one) => one.announcedAddress)?.ip).toBe('192.168.1.5');
    expect(addresses(name, machine({ lo: LOOPBACK, eth0: ['fd00::2'] }))[0]).toMatchObject({ ip: 'fd00::2' });
  });

  test('one that the machine has itself is only put first', () => {
    const [leading, ...rest] = addresses(behindNat('192.168.1.6'), home);
    expect(leading).toEqual({ ip: '192.168.1.6' });
    expect(rest.every((one) => one.announcedAddress === undefined && one.ip !== '192.168.1.6')).toBe(true);
  });

  test('with no address of its kind it stands for all that come, which takes loopback along', () => {
    const offline = machine({ lo: LOOPBACK, eth0: ['fd00::2'] });
    expect(addresses(behindNat('203.0.113.5'), offline)).toEqual([
      { ip: '0.0.0.0', announcedAddress: '203.0.113.5' },
      { ip: 'fd00::2' },
      { ip: '::1' },
    ]);
    const infos = listenInfos(behindNat('2001:db8::5'), 40000, machine({ lo: LOOPBACK, eth0: ['10.0.0.1'] }));
    expect(infos[0]).toEqual({
      protocol: 'udp',
      ip: '::',
      port: 40000,
      announcedAddress: '2001:db8::5',
      flags: { ipv6Only: true },
      ...BUFFERS,
    });
  });
});

describe('with listen addresses', () => {
  const chosen = (listenAddresses: string[], announcedAddress = '') =>
    addresses({ listenAddresses, announcedAddress }, home);

  test('those and no others, in their order', () => {
    expect(chosen(['::1', '192.168.1.6', '::1'])).toEqual([{ ip: '::1' }, { ip: '192.168.1.6' }]);
  });

  test('only the announced address is a candidate then', () => {
    expect(chosen(['192.168.1.6', 'fd00::2'], '203.0.113.5')).toEqual([
      { ip: '192.168.1.6', announcedAddress: '203.0.113.5' },
      { ip: 'fd00::2' },
    ]);
    expect(chosen(['0.0.0.0'], 'media.example.org')).toEqual([
      { ip: '0.0.0.0', announcedAddress: 'media.example.org' },
    ]);
  });

  test.each([
    [
      ['example.org'],
      '',
      '"example.org" is not an IP address; it must be one of this machine\'s: 127.0.0.1, ::1,',
    ],
    [['10.9.9.9'], '', '"10.9.9.9" is not an address of this machine; it must be one of 127.0.0.1, ::1,'],
    [
      ['0.0.0.0'],
      '',
      '"0.0.0.0" is no address that clients can send to; leave the list empty to listen on all',
    ],
    [['0.0.0.0'], '2001:db8::5', '"0.0.0.0" is not of the same kind as media.announcedAddress "2001:db8::5"'],
    [
      ['fd00::2'],
      '203.0.113.5',
      '"203.0.113.5" is an IPv4 address; media.listenAddresses must have one of that kind',
    ],
  ])('%o announced as "%s" is refused', (listen, announced, message) => {
    expect(() => chosen(listen, announced)).toThrow(ConfigError);
    expect(() => chosen(listen, announced)).toThrow(message);
  });
});

describe('checkAnnouncedAddress', () => {
  test.each(['', '203.0.113.5', '10.0.0.1', '127.0.0.1', '2001:db8::5', '::1', 'localhost'])(
    'accepts "%s"',
    async (address) => {
      await expect(checkAnnouncedAddress(address)).resolves.toBeUndefined();
    },
  );

  test.each([
    '0.0.0.0',
    '::',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    'ff02::1',
    'fe80::1',
    '169.254.1.1',
    '::ffff:0.0.0.0',
  ])('refuses %s, which nobody can send to', async (address) => {
    await expect(checkAnnouncedAddress(address)).rejects.toThrow(
      `media.announcedAddress: "${address}" is no address that clients can send to; use the public IP`,
    );
  });

  test.each([
    '1.2.3',
    '256.1.1.1',
    '0x7f.1',
    'http://example.org',
    'example.org:40000',
    '[::1]',
    'a b',
    '-a.org',
    'a..org',
    ' ',
  ])('refuses "%s", which is neither address nor name', async (address) => {
    const check = checkAnnouncedAddress(address);
    await expect(check).rejects.toThrow(ConfigError);
    await expect(check).rejects.toThrow(
      'is neither an IP address nor a host name; write it without scheme, port',
    );
  });

  // RFC 6761: .invalid never resolves.
  test('refuses a name that does not resolve', async () => {
    const check = checkAnnouncedAddress('pharos.invalid');
    await expect(check).rejects.toThrow(ConfigError);
    await expect(check).rejects.toThrow(
      /^media\.announcedAddress: "pharos\.invalid" does not resolve \(.+\); use the public IP/,
    );
  });
});
