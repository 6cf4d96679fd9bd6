/**
 * The schema as a flat table: one entry per setting, with the name of its
 * environment variable and, in words, what it may be. Loading, error messages
 * and the test of `pharos.yaml` all read this table.
 */
import { z } from 'zod';
import { configSchema } from './schema.ts';

type Json = z.core.JSONSchema.BaseSchema;
export type Path = readonly (string | number)[];

export type Setting = {
  path: readonly string[];
  /** The path with dots, as operators see it: `http.tls.cert`. */
  key: string;
  env: string;
  kind: 'text' | 'list' | 'value';
  description: string;
  unit: string | undefined;
  default: unknown;
  /** What the value may be, in words that follow "it must be". */
  allowed: string;
  /** Whether "" is a value; an empty environment variable is ignored otherwise. */
  mayBeEmpty: boolean;
  json: Json;
};

const DEFAULTS = configSchema.parse({});

/** A camera's URL may hold a password, and may have been put in any place of its entry; a hook's may too. */
const SECRET_NAMES = new Set([
  'publishKey',
  'adminKey',
  'keys',
  'secret',
  'credential',
  'cameras',
  'hook',
  'webhook',
  'jwksUrl',
]);

export const SETTINGS: readonly Setting[] = collect(configSchema, []);

/** Whether the value at this path must not be shown to anybody. */
export function isSecret(path: Path): boolean {
  return path.some((part) => typeof part === 'string' && SECRET_NAMES.has(part));
}

/** The setting that this path is, or lies within (as `iceServers.0.urls` lies in `iceServers`). */
export function settingAt(path: Path): Setting | undefined {
  return SETTINGS.find((setting) => setting.path.every((part, index) => part === path[index]));
}

/** What may stand at this path, which may lead into a list. */
export function allowedAt(path: Path): string | undefined {
  const setting = settingAt(path);
  if (setting === undefined) return undefined;
  const json = descend(setting.json, path.slice(setting.path.length));
  return json === undefined ? undefined : inWords(json);
}

/** The keys that a section, or an entry of a list, may have. */
export function keysAt(path: Path): string[] {
  const setting = settingAt(path);
  if (setting !== undefined) {
    return Object.keys(descend(setting.json, path.slice(setting.path.length))?.properties ?? {});
  }
  const inside = SETTINGS.filter(({ path: other }) => path.every((part, index) => part === other[index]));
  return [...new Set(inside.map((entry) => entry.path[path.length] ?? ''))];
}

/** What stands at the path in plain data; for a path that leads on from a scalar, the scalar. */
export function valueAt(data: unknown, path: Path): unknown {
  const [part, ...rest] = path;
  if (part === undefined || typeof data !== 'object' || data === null) return data;
  return valueAt(Reflect.get(data, part), rest);
}

/** `media.portBase` -> `PHAROS_MEDIA_PORT_BASE`. */
function envName(path: readonly string[]): string {
  return ['pharos', ...path].map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_');
}

function collect(section: z.core.$ZodType, path: readonly string[]): Setting[] {
  const inner = unwrap(section);
  if (!(inner instanceof z.ZodObject)) return [describe(section, path)];
  return Object.entries<z.core.$ZodType>(inner.shape).flatMap(([key, value]) =>
    collect(value, [...path, key]),
  );
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? unwrap(schema.unwrap()) : schema;
}

function describe(schema: z.core.$ZodType, path: readonly string[]): Setting {
  const json = z.toJSONSchema(schema, { io: 'input' });
  return {
    path,
    key: path.join('.'),
    env: envName(path),
    kind: json.type === 'array' ? 'list' : isText(json) ? 'text' : 'value',
    description: json.description ?? '',
    unit: typeof json.unit === 'string' ? json.unit : undefined,
    default: valueAt(DEFAULTS, path),
    allowed: inWords(json),
    mayBeEmpty: z.safeParse(schema, '').success,
    json,
  };
}

function isText(json: Json): boolean {
  return json.anyOf === undefined ? json.type === 'string' : json.anyOf.every(isText);
}

function descend(json: Json, path: Path): Json | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return json;
  const next = typeof part === 'number' ? json.items : json.properties?.[part];
  return typeof next === 'object' && !Array.isArray(next) ? descend(next, rest) : undefined;
}

function inWords(json: Json): string {
  if (json.anyOf !== undefined) return json.anyOf.map(inWords).join(' or ');
  if (json.const !== undefined) return json.const === '' ? 'empty' : JSON.stringify(json.const);
  if (json.enum !== undefined) return `one of ${json.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  switch (json.type) {
    case 'integer':
      return `a whole number from ${json.minimum} to ${json.maximum}${unitOf(json)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return textInWords(json);
    case 'array':
      return `a list${listLength(json)}${itemsInWords(json)}`;
    case 'object':
      return `an entry with ${Object.keys(json.properties ?? {}).join(', ')}`;
    default:
      return 'something else';
  }
}

function unitOf(json: Json): string {
  return typeof json.unit === 'string' ? ` ${json.unit}` : '';
}

function textInWords(json: Json): string {
  if (json.format === 'uri') return 'an http:// or https:// address';
  const { minLength: min = 0, maxLength: max } = json;
  if (max !== undefined) return `text of ${min} to ${max} characters`;
  if (min > 0) return min === 1 ? 'text, not empty' : `text of at least ${min} characters`;
  return 'text';
}

function listLength({ minItems: min = 0, maxItems: max }: Json): string {
  return max === undefined ? '' : min > 0 ? ` of ${min} to ${max} items` : ` of at most ${max} items`;
}

function itemsInWords({ items }: Json): string {
  return typeof items === 'object' && !Array.isArray(items) ? `, each ${inWords(items)}` : '';
}
