/** Where media listens, and what clients are told about it. */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import type { TransportListenInfo } from 'mediasoup/types';
import { ConfigError } from '../../config/errors.ts';
import type { Config } from '../../config/schema.ts';

/** What `os.networkInterfaces()` gives. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
type MediaConfig = Pick<Config['media'], 'listenAddresses' | 'announcedAddress'>;

/** One address to bind, and what stands in the ICE candidates for it. */
export type MediaAddress = {
  ip: string;
  announcedAddress?: string;
  /** Whether `ip` is a candidate too, next to `announcedAddress`. */
  exposeInternalIp?: boolean;
};

/** Each address is a UDP and a TCP candidate in every join, and has to be checked by every client. */
const MAX_ADDRESSES = 16;

/** Bridges and tunnels of container and virtual machine software: seldom the way to a client. */
const VIRTUAL_INTERFACE =
  /^(docker|br-|veth|virbr|vmnet|vboxnet|vEthernet|cni|flannel|cali|lxc|lxd|podman|bridge)/;

/** Whether a network interface of this name belongs to container or virtual machine software. */
export function isVirtual(name: string): boolean {
  return VIRTUAL_INTERFACE.test(name);
}

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** Nothing that a client could send to: unspecified, link-local, multicast, reserved, broadcast. */
const UNREACHABLE = new BlockList();
UNREACHABLE.addSubnet('0.0.0.0', 8, 'ipv4');
UNREACHABLE.addSubnet('169.254.0.0', 16, 'ipv4');
UNREACHABLE.addSubnet('224.0.0.0', 3, 'ipv4');
UNREACHABLE.addAddress('::', 'ipv6');
UNREACHABLE.addSubnet('fe80::', 10, 'ipv6');
UNREACHABLE.addSubnet('ff00::', 8, 'ipv6');

/**
 * In bytes, for all that comes to and goes from a worker. With Linux's 200 kB a worker that runs a
 * moment late loses the publisher's packets, for all viewers. Linux may give less (net.core.rmem_max).
 */
const SOCKET_BUFFER = 4 << 20;

/**
 * The listening sockets of one worker's WebRtcServer, all on one port. ICE
 * candidates get their priority from this order: all of UDP before TCP, which
 * is only for networks that let no UDP through.
 */
export function listenInfos(
  config: MediaConfig,
  port: number,
  interfaces: Interfaces,
): TransportListenInfo[] {
  const { addresses } = mediaAddresses(config, interfaces);
  return (['udp', 'tcp'] as const).flatMap((protocol) =>
    addresses.map((address) => ({
      ...address,
      protocol,
      port,
      ...(protocol === 'udp' && { sendBufferSize: SOCKET_BUFFER, recvBufferSize: SOCKET_BUFFER }),
      // Else binding "::" would take the IPv4 port too.
      ...(address.ip === '::' && { flags: { ipv6Only: true } }),
    })),
  );
}

/**
 * `left` has the addresses beyond the sixteenth, which media does not listen on;
 * worth a warning.
 */
export function mediaAddresses(
  config: MediaConfig,
  interfaces: Interfaces,
): { addresses: MediaAddress[]; left: string[] } {
  if (config.listenAddresses.length > 0) return { addresses: chosenAddresses(config, interfaces), left: [] };

  const { external, loopback } = localAddresses(interfaces);
  const listed = external.slice(0, MAX_ADDRESSES - loopback.length);
  const left = external.slice(listed.length).map(({ ip }) => ip);
  // Loopback comes last: it is for a browser on this machine, while to any other
  // it is a check that fails, and that should not delay the ones that succeed.
  const own = [...listed.map(({ ip }) => ip), ...loopback];
  const { announcedAddress } = config;
  if (announcedAddress === '' || own.includes(announcedAddress)) {
    return { addresses: first(announcedAddress, own).map((ip) => ({ ip })), left };
  }
  return { addresses: announced(announcedAddress, listed, loopback), left };
}

/**
 * Behind NAT: the announced address is a further candidate for the addresses
 * that it may lead to, and the most preferred one. The machine's own stay
 * candidates, as clients in the same LAN may not reach the announced one (not
 * every NAT turns their packets around). Binding each address instead of
 * "0.0.0.0" leaves loopback free for its own socket, and answers always leave
 * from the address that was asked.
 */
function announced(address: string, external: LocalAddress[], loopback: string[]): MediaAddress[] {
  const isV6 = announcedFamily(address, external) === 6;
  const sameFamily = external.filter(({ ip }) => isIPv6(ip) === isV6);
  const physical = sameFamily.filter(({ virtual }) => !virtual);
  const targets = new Set(physical.length > 0 ? physical : sameFamily);
  const others = external.filter((candidate) => !targets.has(candidate)).map(({ ip }) => ({ ip }));

  if (targets.size === 0) {
    // No address yet that it may lead to: whatever comes up later.
    const rest = loopback.filter((ip) => isIPv6(ip) !== isV6).map((ip) => ({ ip }));
    return [{ ip: isV6 ? '::' : '0.0.0.0', announcedAddress: address }, ...others, ...rest];
  }
  const leading = [...targets].map(({ ip }) => ({ ip, announcedAddress: address, exposeInternalIp: true }));
  return [...leading, ...others, ...loopback.map((ip) => ({ ip }))];
}

/** Of a host name one can't tell: IPv4 if there is any, since that is what NAT is for. */
function announcedFamily(address: string, external: LocalAddress[]): number {
  const family = isIP(address);
  if (family !== 0) return family;
  return external.length > 0 && external.every(({ ip }) => isIPv6(ip)) ? 6 : 4;
}

/** With addresses listed in the configuration, those are the sockets, and candidates are what is announced. */
function chosenAddresses(
  { listenAddresses, announcedAddress }: MediaConfig,
  interfaces: Interfaces,
): MediaAddress[] {
  const machine = Object.values(interfaces).flatMap((infos) => infos?.map(({ address }) => address) ?? []);
  const addresses = [...new Set(listenAddresses)];
  for (const ip of addresses) checkListenAddress(ip, machine, announcedAddress);
  if (announcedAddress === '') return addresses.map((ip) => ({ ip }));
  const family = isIP(announcedAddress);
  const able = addresses.filter((ip) => family === 0 || isIP(ip) === family);
  if (able.length === 0) {
    throw new ConfigError(
      `media.announcedAddress: "${announcedAddress}" is an IPv${family} address; media.listenAddresses must have one of that kind too`,
    );
  }
  return addresses.map((ip) => (able.includes(ip) ? { ip, announcedAddress } : { ip }));
}

function checkListenAddress(ip: string, machine: string[], announcedAddress: string): void {
  const complain = (text: string): never => {
    throw new ConfigError(`media.listenAddresses: "${ip}" ${text}`);
  };
  if (isIP(ip) === 0)
    complain(`is not an IP address; it must be one of this machine's: ${machine.join(', ')}`);
  if (ip === '0.0.0.0' || ip === '::') {
    const family = isIP(announcedAddress);
    if (announcedAddress === '') {
      complain(
        'is no address that clients can send to; leave the list empty to listen on all, or set media.announcedAddress',
      );
    }
    if (family !== 0 && family !== isIP(ip))
      complain(`is not of the same kind as media.announcedAddress "${announcedAddress}"`);
  } else if (!machine.includes(ip)) {
    complain(`is not an address of this machine; it must be one of ${machine.join(', ')}`);
  }
}

type LocalAddress = { ip: string; virtual: boolean };

function localAddresses(interfaces: Interfaces): { external: LocalAddress[]; loopback: string[] } {
  const external = new Map<string, LocalAddress>();
  const loopback = new Set(['127.0.0.1']);
  for (const [name, infos] of Object.entries(interfaces)) {
    for (const { address: ip, family, internal } of infos ?? []) {
      if (ip === '::1') loopback.add(ip);
      if (internal || LINK_LOCAL.check(ip, family === 'IPv6' ? 'ipv6' : 'ipv4')) continue;
      if (!external.has(ip)) external.set(ip, { ip, virtual: isVirtual(name) });
    }
  }
  // Likeliest first: real interfaces, and on each of these kinds IPv4, of which there is one rather than five.
  const rank = ({ ip, virtual }: LocalAddress) => (virtual ? 2 : 0) + (isIPv6(ip) ? 1 : 0);
  return { external: [...external.values()].sort((a, b) => rank(a) - rank(b)), loopback: [...loopback] };
}

function first(preferred: string, all: string[]): string[] {
  return all.includes(preferred) ? [preferred, ...all.filter((ip) => ip !== preferred)] : all;
}

// --- The announced address ----------------------------------------------------------

const HOST_NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Refuses, in a sentence for the operator, an address that clients cannot use; "" is fine. */
export async function checkAnnouncedAddress(address: string): Promise<void> {
  if (address === '') return;
  const complain = (text: string, options?: ErrorOptions): never => {
    throw new ConfigError(`media.announcedAddress: "${address}" ${text}`, options);
  };
  if (isIP(address) !== 0) {
    if (isUnreachable(address))
      complain('is no address that clients can send to; use the public IP, or the one in the LAN');
    return;
  }
  if (!isHostName(address)) {
    complain('is neither an IP address nor a host name; write it without scheme, port or brackets');
  }
  const found = await lookup(address, { all: true }).catch((error: Error) =>
    complain(`does not resolve (${error.message}); use the public IP, or a name that has a DNS record`, {
      cause: error,
    }),
  );
  if (found.every((entry) => isUnreachable(entry.address))) {
    complain(
      `resolves to ${found[0]?.address}, which clients can't send to; correct the DNS record, or use the public IP`,
    );
  }
}

/** A last label of digits would make it a mistyped IPv4 address, of which resolvers accept odd forms ("10.1"). */
function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !/(^|\.)(\d+|0x[0-9a-f]*)$/i.test(text);
}

function isUnreachable(ip: string): boolean {
  return UNREACHABLE.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
}
