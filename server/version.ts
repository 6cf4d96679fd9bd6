import { readFileSync } from 'node:fs';

/** Pharos's own, of package.json. */
export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof version === 'string' ? version : '';
}
