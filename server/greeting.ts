import type { Config } from '../config/schema.ts';
import type { StoredKey } from './auth/keys.ts';
import { publicUrl } from './public-url.ts';

type Options = { config: Config; port: number; publishKey: StoredKey; adminKey: StoredKey };

/** What the operator reads when the server is up: where to publish, how to watch. */
export function greeting({ config, port, publishKey, adminKey }: Options): string {
  const here = `${config.http.tls.cert ? 'https' : 'http'}://localhost:${port}`;
  const elsewhere = publicUrl(config.http, port);
  const lines = ['', '  Pharos is up.', ''];
  if (freeHere(config)) lines.push(`  Publish      ${here}/publish`);
  lines.push(`  Watch        ${elsewhere ?? here}/watch   (the publish page gives the link of the stream)`);
  if (config.auth.publish !== 'open') lines.push(...keyLines(elsewhere ?? here, publishKey));
  if (adminKey.fresh)
    lines.push(`  Administer   ${elsewhere ?? here}/admin   (with the key in ${adminKey.file})`);
  if (elsewhere?.startsWith('http:')) {
    lines.push('  Note         browsers open cameras on https:// or localhost pages only; see README, "TLS"');
  }
  return `${lines.join('\n')}\n\n`;
}

/** Whether a browser on this machine publishes without the key (docs/adr/0003-who-may-publish.md). */
function freeHere({ auth, http }: Config): boolean {
  return (
    auth.publish === 'open' ||
    (auth.publish === 'local' && !http.publicUrl && http.trustedProxies.length === 0)
  );
}

function keyLines(base: string, { key, file, fresh }: StoredKey): string[] {
  if (fresh) {
    return [
      `  Publish with the key (shown this once, kept in ${file}):`,
      `               ${base}/publish#key=${key}`,
    ];
  }
  return [
    `  Publish with the key: ${base}/publish#key=…  (${file ? `the key is in ${file}` : 'the key is the configured one'})`,
  ];
}
