/**
 * File and environment to a frozen `Config`. Whatever is wrong ends here, in
 * one line that names the setting, its value and what is allowed.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { z } from 'zod';
import { ConfigError } from './errors.ts';
import { type Config, configSchema } from './schema.ts';
import { allowedAt, isSecret, keysAt, type Path, SETTINGS, settingAt, valueAt } from './settings.ts';
import { applyEnvironment, type Environment, nearest, readFile, reason, type Source } from './sources.ts';

/** `file` goes before `PHAROS_CONFIG`, which goes before `config/pharos.yaml`. */
export function loadConfig(from: From): Config {
  return readConfig(from).config;
}

type From = { env: Environment; file?: string };

/** The same, with where each setting stands. */
export function readConfig({ env, file }: From): { config: Config; source: Source } {
  const source = applyEnvironment(readFile(file ?? (env.PHAROS_CONFIG || undefined)), env);
  const parsed = configSchema.safeParse(source.data);
  if (!parsed.success) throw new ConfigError(explain(parsed.error.issues, source));
  const complaint = crossCheck(parsed.data);
  if (complaint !== undefined) throw new ConfigError(withOrigin(complaint.text, complaint.path, source));
  return { config: deepFreeze(parsed.data), source };
}

// --- What the schema refuses ----------------------------------------------------

function explain(issues: readonly z.core.$ZodIssue[], source: Source): string {
  const [issue] = issues;
  if (issue === undefined) return 'the configuration is not valid';
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  if (issue.code === 'unrecognized_keys') return explainUnknown([...path, issue.keys[0] ?? ''], source);
  const allowed = wordsFor(issue, path);
  const isNumber = typeof valueAt(source.data, path) === 'number';
  const kind = settingAt(path)?.kind;
  const hint = isNumber && (kind === 'text' || kind === 'list') ? ' (a number as text needs quotes)' : '';
  return withOrigin(
    `${dotted(path)}: ${shown(path, source.data)} is not possible; it must be ${allowed}${hint}`,
    path,
    source,
  );
}

/** A message of the schema's own (`.regex(…, message)`) says more than the bare type. */
function wordsFor(issue: z.core.$ZodIssue, path: Path): string {
  const keys = keysAt(path);
  if (path.length === 0 || (settingAt(path) === undefined && keys.length > 0)) {
    return `a section with ${keys.join(', ')}`;
  }
  const own =
    issue.code === 'custom' || (issue.code === 'invalid_format' && !issue.message.startsWith('Invalid'));
  return own ? issue.message : (allowedAt(path) ?? issue.message);
}

/** The value is not shown: under a mistyped name it may still be a secret. */
function explainUnknown(path: Path, source: Source): string {
  const siblings = keysAt(path.slice(0, -1));
  const elsewhere = SETTINGS.find((setting) => setting.path.at(-1) === path.at(-1));
  const likely = elsewhere?.key ?? dotted([...path.slice(0, -1), nearest(String(path.at(-1)), siblings)]);
  const place = path.length === 1 ? 'the top level' : dotted(path.slice(0, -1));
  return withOrigin(
    `${dotted(path)}: there is no such setting; did you mean ${likely}? Allowed in ${place}: ${siblings.join(', ')}`,
    path,
    source,
  );
}

function dotted(path: Path): string {
  return path.length === 0 ? 'configuration' : path.join('.');
}

function shown(path: Path, data: unknown): string {
  if (isSecret(path)) return '***';
  const value = valueAt(data, path);
  if (value === undefined) return 'nothing';
  // Lists and sections may hold secrets further in.
  if (typeof value === 'object')
    return !Array.isArray(value) ? 'a section' : value.length === 0 ? 'an empty list' : 'this list';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function withOrigin(text: string, path: Path, source: Source): string {
  const where = source.where(path);
  return where === undefined ? text : `${text} (${where})`;
}

// --- What only several settings together tell -------------------------------------

type Complaint = { path: Path; text: string };

function crossCheck(config: Config): Complaint | undefined {
  return (
    checkTls(config) ??
    checkAuth(config) ??
    checkPorts(config) ??
    checkBitrates(config) ??
    checkTurn(config) ??
    checkCameras(config) ??
    checkRecordings(config)
  );
}

function checkTls({ http: { tls } }: Config): Complaint | undefined {
  for (const [one, other] of [
    ['cert', 'key'],
    ['key', 'cert'],
  ] as const) {
    if (tls[one] !== '' && tls[other] === '') {
      const text = `http.tls.${other}: it is empty, but http.tls.${one} is "${tls[one]}"; TLS needs both, or neither`;
      return { path: ['http', 'tls', one], text };
    }
  }
  for (const name of ['cert', 'key'] as const) {
    try {
      if (tls[name] !== '') readFileSync(tls[name]);
    } catch (error) {
      const text = `http.tls.${name}: "${tls[name]}" cannot be read: ${reason(error)}`;
      return { path: ['http', 'tls', name], text };
    }
  }
  return undefined;
}

function checkAuth({ auth: { keys, jwt, webhook } }: Config): Complaint | undefined {
  const names = keys.map(({ name }) => name);
  const again = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (again !== -1) {
    const text = `auth.keys.${again}.name: "${names[again]}" is the name of another key already; each needs its own`;
    return { path: ['auth', 'keys', again, 'name'], text };
  }
  if (webhook.url !== '' && webhook.secret === '') {
    const text = 'auth.webhook.secret: it is empty; auth.webhook.url needs one to sign with';
    return { path: ['auth', 'webhook', 'url'], text };
  }
  if (jwt.jwksUrl !== '' && new URL(jwt.jwksUrl).username !== '') {
    const text = 'auth.jwt.jwksUrl: it has a user name; public keys are to be had without';
    return { path: ['auth', 'jwt', 'jwksUrl'], text };
  }
  return undefined;
}

function checkPorts({ http, media }: Config): Complaint | undefined {
  const workers = media.workers || availableParallelism();
  const last = media.portBase + workers - 1;
  if (last > 65535) {
    const text = `media.portBase: ${media.portBase} is too high for ${workers} workers; it must be at most ${65536 - workers}`;
    return { path: ['media', 'portBase'], text };
  }
  if (http.port >= media.portBase && http.port <= last) {
    const text = `http.port: ${http.port} is one of the media ports; it must not be from ${media.portBase} to ${last}`;
    return { path: ['http', 'port'], text };
  }
  return undefined;
}

function checkBitrates({
  media: { videoStartBitrate: start, videoMaxBitrate: max },
}: Config): Complaint | undefined {
  if (start <= max) return undefined;
  const text = `media.videoStartBitrate: ${start} is above media.videoMaxBitrate; it must be at most ${max} bit/s`;
  return { path: ['media', 'videoStartBitrate'], text };
}

function checkTurn({ iceServers, turn }: Config): Complaint | undefined {
  for (const [index, server] of iceServers.entries()) {
    // Browsers throw on a TURN server without them, which would break every client.
    const url = server.urls.find((candidate) => candidate.startsWith('turn'));
    const missing = (['username', 'credential'] as const).find((name) => !server[name]);
    if (url !== undefined && missing !== undefined) {
      const text = `iceServers.${index}.${missing}: it is missing; "${url}" needs username and credential`;
      return { path: ['iceServers', index], text };
    }
  }
  if (turn.urls.length > 0 && turn.secret === '') {
    return {
      path: ['turn', 'urls'],
      text: 'turn.secret: it is empty; turn.urls needs the secret that the TURN servers share',
    };
  }
  return undefined;
}

function checkCameras({ cameras, limits }: Config): Complaint | undefined {
  const streams = cameras.map(({ stream }) => stream);
  const again = streams.findIndex((stream, index) => streams.indexOf(stream) !== index);
  if (again !== -1) {
    const text = `cameras.${again}.stream: "${streams[again]}" is the stream of cameras.${streams.indexOf(streams[again] ?? '')} already; each camera needs its own`;
    return { path: ['cameras', again, 'stream'], text };
  }
  if (cameras.length > limits.cameras) {
    const text = `limits.cameras: ${limits.cameras} is too low for the ${cameras.length} entries of cameras`;
    return { path: ['limits', 'cameras'], text };
  }
  return undefined;
}

function checkRecordings({ recordings: { hook, s3 } }: Config): Complaint | undefined {
  if (hook.url !== '' && hook.secret === '') {
    const text = 'recordings.hook.secret: it is empty; recordings.hook.url needs one to sign with';
    return { path: ['recordings', 'hook', 'url'], text };
  }
  const missing = s3.secret === '' ? 'secret' : 'accessKey';
  if ((s3.accessKey === '') !== (s3.secret === '')) {
    const text = `recordings.s3.${missing}: it is empty; an access key and its secret go together`;
    return { path: ['recordings', 's3'], text };
  }
  return undefined;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
