import { networkInterfaces } from 'node:os';
import type { Config } from '../config/schema.ts';
import { isVirtual } from '../workers/media/addresses.ts';

/** Where others reach the pages: as configured, or in the same network; undefined if only this machine can. */
export function publicUrl(http: Config['http'], port: number): string | undefined {
  if (http.publicUrl) return http.publicUrl.replace(/\/$/, '');
  const host = http.host === '::' || http.host === '0.0.0.0' ? lanAddress() : http.host;
  if (!host || host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  return `${http.tls.cert ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function lanAddress(): string | undefined {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    isVirtual(name) ? [] : (list ?? []),
  );
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}

/** Where the server is reached: by others, or if they can't reach it, from this machine. */
export function reachedAt({ http }: Config, port: number): string {
  return publicUrl(http, port) ?? `${http.tls.cert ? 'https' : 'http'}://localhost:${port}`;
}
