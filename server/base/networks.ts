/** IP networks: which addresses are public, and which lie in networks that somebody named. Pure. */
import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Addresses that lead to this machine, to its neighbours or to nobody (IANA's
 * special-purpose registries): a request to one of these, made on behalf of
 * somebody outside, reaches what that somebody could not.
 */
const NOT_PUBLIC_4 = [
  '0.0.0.0/8', // this host
  '10.0.0.0/8',
  '100.64.0.0/10', // behind a provider's NAT; clouds' metadata too
  '127.0.0.0/8',
  '168.63.129.16', // Azure's metadata, on an otherwise public address
  '169.254.0.0/16', // link-local, and most clouds' metadata
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24', // documentation, as are 198.51.100.0/24 and 203.0.113.0/24
  '192.88.99.0/24', // relays from 6to4
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3', // multicast, reserved, broadcast
];
/** Of IPv6 only 2000::/3 is global unicast; of that, these are not. */
const NOT_PUBLIC_6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const NOT_PUBLIC = blockList(NOT_PUBLIC_4);
const GLOBAL_6 = blockList(['2000::/3']);
const NOT_GLOBAL_6 = blockList(NOT_PUBLIC_6);

/** Whether the text is an address, or a network as `address/prefix length`. */
export function isNetwork(text: string): boolean {
  return parse(text) !== undefined;
}

/** Words for networks that proxies often stand in. */
const PROXY_WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Whether the text is an entry of `http.trustedProxies`. */
export function isProxy(text: string): boolean {
  return Object.hasOwn(PROXY_WORDS, text) || isNetwork(text);
}

/** A predicate: is an address that of one of these proxies? @throws if an entry is none. */
export function inProxies(entries: readonly string[]): (address: string) => boolean {
  return inNetworks(entries.flatMap((entry) => PROXY_WORDS[entry] ?? [entry]));
}

/** A predicate: does an address lie in one of the networks? @throws if one of them is none. */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = blockList(networks);
  return (address) => contains(list, address);
}

export function isPublic(address: string): boolean {
  const plain = unmapped(address);
  switch (isIP(plain)) {
    case 4:
      return !contains(NOT_PUBLIC, plain);
    case 6:
      return contains(GLOBAL_6, plain) && !contains(NOT_GLOBAL_6, plain);
    default:
      return false;
  }
}

function contains(list: BlockList, address: string): boolean {
  const plain = unmapped(address);
  return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
}

/** `::ffff:a.b.c.d`, however it is written, is the IPv4 address. */
function unmapped(address: string): string {
  if (!isIPv6(address)) return address;
  // The zone is not part of the number, and `URL` does not take it.
  const [number = ''] = address.split('%');
  const canonical = new URL(`http://[${number}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const value = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

type Network = { address: string; prefix: number; family: 'ipv4' | 'ipv6' };

function parse(text: string): Network | undefined {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  return length > bits ? undefined : { address, prefix: length, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of networks) {
    const network = parse(text);
    if (network === undefined) throw new Error(`"${text}" is no network`);
    list.addSubnet(network.address, network.prefix, network.family);
  }
  return list;
}
