/** Where a camera's host name leads, and whether it may be gone to. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { inNetworks, isPublic } from '../base/networks.ts';
import { CameraFault } from './fault.ts';

export type Lookup = (host: string) => Promise<readonly { address: string }[]>;

/** A name server that does not answer. */
const LOOKUP_TIMEOUT_MS = 5000;

/** Whether a camera may have this address. */
export type AddressRule = (address: string) => boolean;

/**
 * Public addresses, except this machine's own, and the networks that the
 * configuration names: nobody is to reach through us what only we can.
 */
export function allowedNetworks(networks: readonly string[]): AddressRule {
  const named = inNetworks(networks);
  return (address) => named(address) || (isPublic(address) && !ownAddresses().has(address));
}

/** For cameras that the operator wrote into the configuration. */
export const anyAddress: AddressRule = () => true;

/**
 * The IP address to connect to. Looked up once and used from there on, so that
 * a name can't lead elsewhere when it is looked up again. All of the name's
 * addresses have to be allowed.
 * @throws CameraFault, AbortError by the signal.
 */
export async function resolveAddress(
  host: string,
  allowed: AddressRule,
  { signal, lookUp = systemLookup }: { signal?: AbortSignal; lookUp?: Lookup } = {},
): Promise<string> {
  const addresses = isIP(host) === 0 ? await addressesOf(host, lookUp, signal) : [host];
  if (!addresses.every(allowed)) {
    throw new CameraFault(
      'source_refused',
      'the camera lies in a network that cameras may not be added from; name it in cameraNetworks',
    );
  }
  const [first] = addresses;
  if (first === undefined) throw unresolved();
  return first;
}

async function addressesOf(host: string, lookUp: Lookup, outer: AbortSignal | undefined): Promise<string[]> {
  const timeout = AbortSignal.timeout(LOOKUP_TIMEOUT_MS);
  const signal = AbortSignal.any(outer ? [timeout, outer] : [timeout]);
  // A lookup that is under way can't be stopped, but nobody has to wait for it.
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    const found = await Promise.race([lookUp(host), aborted]);
    return found.map(({ address }) => address);
  } catch (error) {
    outer?.throwIfAborted();
    throw unresolved(error);
  }
}

function systemLookup(host: string): Promise<{ address: string }[]> {
  return lookup(host, { all: true });
}

function unresolved(cause?: unknown): CameraFault {
  return new CameraFault('source_unreachable', "the camera's host name is not known", { cause });
}

function ownAddresses(): Set<string> {
  return new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((entry) => entry?.address ?? ''),
  );
}
