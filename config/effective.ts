/** The configuration as it holds, each setting with where it comes from; a secret's value is never in it. */
import type { Config } from './schema.ts';
import { isSecret, type Path, SETTINGS, type Setting, valueAt } from './settings.ts';
import type { Source } from './sources.ts';

export type Origin =
  | { from: 'default' }
  /** `config/pharos.yaml:12` */
  | { from: 'file'; where: string }
  /** The variable's name. */
  | { from: 'environment'; where: string };

export type Effective = Pick<Setting, 'key' | 'env' | 'description'> & {
  unit: string | null;
  source: Origin;
  /** Whether it is another than the default. */
  changed: boolean;
  /** A secret's value is not told, only whether there is one, and of a list how many entries it has. */
  secret: boolean;
  set: boolean;
  entries: number | null;
  value: unknown;
};

export function effectiveConfig(config: Config, source: Source): Effective[] {
  return SETTINGS.map((setting) => {
    const { path, key, env, description, unit = null } = setting;
    const value = valueAt(config, path);
    // A number or a choice beside a secret, such as a webhook's timeout, is none.
    const secret = isSecret(path) && (typeof value === 'string' || typeof value === 'object');
    return {
      ...{ key, env, description, unit, secret },
      source: originOf(setting, source),
      changed: JSON.stringify(value) !== JSON.stringify(setting.default),
      set: !isEmpty(value),
      entries: Array.isArray(value) ? value.length : null,
      value: secret ? null : masked(value, path),
    };
  });
}

function originOf({ path, env }: Setting, source: Source): Origin {
  if (valueAt(source.data, path) === undefined || !hasOwn(source.data, path)) return { from: 'default' };
  const where = source.where(path);
  if (where === undefined) return { from: 'default' };
  return where === env ? { from: 'environment', where } : { from: 'file', where };
}

/** Whether the whole path is there: `valueAt` stops at a scalar. */
function hasOwn(data: unknown, [part, ...rest]: Path): boolean {
  if (part === undefined) return true;
  if (typeof data !== 'object' || data === null || !(part in data)) return false;
  return hasOwn(Reflect.get(data, part), rest);
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0);
}

const MASK = '•••';

/** Without what is secret further in: a TURN server's credential, user and password in an address. */
function masked(value: unknown, path: Path): unknown {
  if (typeof value === 'string') return isSecret(path) ? MASK : withoutUser(value);
  if (Array.isArray(value)) return value.map((each, index) => masked(each, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, masked(inner, [...path, name])]),
  );
}

/** RFC 3986, section 3.2.1. */
function withoutUser(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, `$1${MASK}@`);
}
