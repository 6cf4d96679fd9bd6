/**
 * Where settings come from: the YAML file and, over it, the environment. Both
 * end in plain data for the schema, and a way to say where a value stands.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isNode, LineCounter, parse, parseDocument, YAMLParseError } from 'yaml';
import { ConfigError } from './errors.ts';
import { type Path, SETTINGS, type Setting, settingAt } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Source = {
  data: unknown;
  /** `config/pharos.yaml:12`, for a value or a key at this path, if it is here. */
  where(path: Path): string | undefined;
};

const PROJECT_ROOT = join(import.meta.dirname, '..');
const DEFAULT_FILE = join(PROJECT_ROOT, 'config', 'pharos.yaml');

/** Variables of the tools around the server, which are not settings. */
const TOOL_VARIABLES = /^PHAROS_(CONFIG|CHROMIUM|WORKER_ROUTE|TEST_\w*)$/;

/**
 * Kubernetes gives every container `PHAROS_SERVICE_HOST`, `PHAROS_PORT=tcp://...`
 * and so on where a Service is named "pharos"; Docker's old links do the same.
 */
const SERVICE_LINK = /^PHAROS_(SERVICE_(HOST|PORT\w*)|NAME|PORT_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)$/;
const isServiceLink = (name: string, value: string) =>
  SERVICE_LINK.test(name) || (name === 'PHAROS_PORT' && /^(tcp|udp):\/\//.test(value));

/** The named file, which has to be there, or the default one, which need not. */
export function readFile(named: string | undefined): Source {
  const file = named ?? DEFAULT_FILE;
  if (named === undefined && !existsSync(file)) return { data: {}, where: () => undefined };
  const inProject = relative(PROJECT_ROOT, file);
  return parseFile(readText(file), inProject.startsWith('..') ? file : inProject);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`the configuration file "${file}" cannot be read: ${reason(error)}`, {
      cause: error,
    });
  }
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/\s*\n\s*/g, ' ') : String(error);
}

export function parseFile(text: string, name: string): Source {
  const lines = new LineCounter();
  // No pretty errors: they quote the source, which may hold a secret.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`;

  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) {
    throw new ConfigError(`${at(fault.pos[0])}: not valid YAML: ${yamlFault(fault)}`);
  }
  let data: unknown;
  try {
    data = document.toJS();
  } catch (error) {
    throw new ConfigError(`${name}: not valid YAML: ${ALIAS_FAULT}`, { cause: error });
  }
  const where = (path: Path): string | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return undefined;
  };
  return { data: withoutNulls(data ?? {}), where };
}

const ALIAS_FAULT = 'an alias leads nowhere (a value that begins with * needs quotes)';

/** yaml's own sentence, except where that would repeat a part of the value. */
function yamlFault(error: { code: string; message: string }): string {
  if (error.code === 'BAD_ALIAS') return ALIAS_FAULT;
  if (error.code === 'TAG_RESOLVE_FAILED') return 'a value that begins with ! needs quotes';
  return reason(error instanceof Error ? error : error.message);
}

/** A key with nothing behind it (`tls:` with all its lines commented out) is a key not given. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** Lays the `PHAROS_*` variables over the data of the file. */
export function applyEnvironment(file: Source, env: Environment): Source {
  const given = new Set<Setting>();
  let data = file.data;
  for (const [name, text] of Object.entries(env)) {
    const setting = text === undefined ? undefined : settingOf(name, text);
    if (text === undefined || setting === undefined) continue;
    if (text.trim() === '' && !setting.mayBeEmpty) continue;
    given.add(setting);
    data = replaced(data, setting.path, parseValue(setting, text));
  }
  const where = (path: Path): string | undefined => {
    const setting = settingAt(path);
    return setting !== undefined && given.has(setting) ? setting.env : file.where(path);
  };
  return { data, where };
}

function settingOf(name: string, value: string): Setting | undefined {
  if (!name.startsWith('PHAROS_') || TOOL_VARIABLES.test(name)) return undefined;
  const setting = SETTINGS.find(({ env }) => env === name);
  if (setting !== undefined) return setting;
  if (isServiceLink(name, value)) return undefined;
  const names = SETTINGS.map(({ env }) => env);
  throw new ConfigError(
    `${name}: there is no setting of this name; did you mean ${nearest(name, names)}? (environment)`,
  );
}

function replaced(data: unknown, path: Path, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  // A file whose section is no section is left for the schema to refuse.
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) return data;
  const inner = data === undefined ? undefined : Reflect.get(data, part);
  return { ...data, [part]: replaced(inner, rest, value) };
}

function parseValue(setting: Setting, text: string): unknown {
  if (setting.kind === 'text') return text;
  const trimmed = text.trim();
  if (setting.kind === 'list' && !trimmed.startsWith('[')) {
    return trimmed
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  try {
    return parse(trimmed, { prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    const detail = error instanceof YAMLParseError ? yamlFault(error) : 'it cannot be parsed';
    throw new ConfigError(`${setting.key}: it must be ${setting.allowed}: ${detail} (${setting.env})`);
  }
}

/** The name that takes the fewest changed, added or left out letters. */
export function nearest(word: string, names: readonly string[]): string {
  const ranked = names.map((name) => ({ name, distance: distance(word.toLowerCase(), name.toLowerCase()) }));
  ranked.sort((a, b) => a.distance - b.distance);
  return ranked[0]?.name ?? '';
}

/** Levenshtein's, one row at a time. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
