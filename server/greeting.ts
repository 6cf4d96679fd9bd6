import { networkInterfaces } from 'node:os';
import type { Config } from '../config/schema.ts';
import type { PublishKey } from './auth/publish-key.ts';

type Options = { config: Config; port: number; publishKey: PublishKey };

/** What the operator reads when the server is up: where to publish, how to watch. */
export function greeting({ config, port, publishKey }: Options): string {
  const scheme = config.http.tls.cert ? 'https' : 'http';
  const here = `${scheme}://localhost:${port}`;
  const elsewhere = config.http.publicUrl.replace(/\/$/, '') || lanUrl(config, scheme, port);
  const lines = ['', '  Pharos is up.', ''];
  if (config.auth.publish !== 'key') lines.push(`  Publish      ${here}/publish`);
  lines.push(`  Watch        ${elsewhere ?? here}/watch   (the publish page gives the link of the stream)`);
  if (config.auth.publish !== 'open') lines.push(...keyLines(elsewhere ?? here, publishKey));
  if (elsewhere?.startsWith('http:')) {
    lines.push('  Note         browsers open cameras on https:// or localhost pages only; see README, "TLS"');
  }
  return `${lines.join('\n')}\n\n`;
}

function keyLines(base: string, { key, file, fresh }: PublishKey): string[] {
  if (fresh) {
    return [
      `  Publish from elsewhere, with the key (shown this once, kept in ${file}):`,
      `               ${base}/publish#key=${key}`,
    ];
  }
  return [
    `  Publish from elsewhere: ${base}/publish#key=…  (${file ? `the key is in ${file}` : 'the key is the configured one'})`,
  ];
}

/** How others in the same network reach this machine; undefined if it listens for itself only. */
function lanUrl({ http }: Config, scheme: string, port: number): string | undefined {
  const everywhere = http.host === '::' || http.host === '0.0.0.0';
  const host = everywhere ? lanAddress() : http.host;
  if (!host || host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function lanAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
}
