/** `npm run grant -- --publish ID --ttl 2h`: a link that allows one thing for a while. */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/errors.ts';
import { loadConfig } from '../config/load.ts';
import { type Config, grantLimitsSchema, streamPatternSchema } from '../config/schema.ts';
import { type Action, type GrantLimits, subjectSchema } from '../server/auth/grant.ts';
import { noteOn, usesOf } from '../server/auth/grant-uses.ts';
import { loadKey } from '../server/auth/keys.ts';
import { signToken } from '../server/auth/tokens.ts';
import { publicUrl, reachedAt } from '../server/public-url.ts';
import { exitCode, serverOf, UsageError } from './lib/command.ts';

const USAGE = `Makes a grant: a link, or a token, that allows one thing until it expires.

  npm run grant -- --publish ID [options]
  npm run grant -- --watch ID | --record ID | --admin

  --publish ID    to publish this stream; its holder may watch and record it too
  --watch ID      to watch it, which only private streams need (auth.private)
  --record ID     to start and stop its recording by the REST API
  --admin         to administer: the REST API, all streams
  --ttl TIME      how long it holds: 90s, 15m, 2h, 7d (default 1d)
  --subject NAME  who holds it: in the log, and to revoke all that NAME holds
  --viewers N     publish: at most N viewers of each stream
  --bitrate N     publish: at most N bit/s
  --streams N     publish: at most N streams at the same time, with --subject
  --url URL       where the server is reached (default: as it prints at its start)
  --help          this text

In ID, "*" stands for any letters: --watch "lecture-*". Run it where the server runs: it reads the same
configuration, and signs with auth.jwt.secret or with the secret in the data directory.

Exit codes: 0 made, 1 failed, 2 wrong arguments.`;

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

type Arguments = {
  action: Action;
  stream: string;
  ttl: number;
  subject: string | undefined;
  limits: GrantLimits;
  url: URL | undefined;
};

function readArguments(argv: string[]): Arguments | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const asked = (['publish', 'watch', 'record', 'admin'] as const).filter((name) => values[name]);
  const [what] = asked;
  if (!what || asked.length > 1) {
    throw new UsageError('what for? One of --publish ID, --watch ID, --record ID, --admin');
  }
  const stream = values[what];
  return {
    action: what === 'admin' ? 'administer' : what,
    stream: typeof stream === 'string' ? streamsOf(what, stream) : '*',
    ttl: secondsOf(values.ttl),
    subject: subjectOf(values.subject),
    limits: limitsOf(values),
    url: values.url === undefined ? undefined : serverOf(values.url),
  };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        publish: { type: 'string' },
        watch: { type: 'string' },
        record: { type: 'string' },
        admin: { type: 'boolean', default: false },
        ttl: { type: 'string', default: '1d' },
        subject: { type: 'string' },
        viewers: { type: 'string' },
        bitrate: { type: 'string' },
        streams: { type: 'string' },
        url: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function streamsOf(option: string, stream: string): string {
  if (streamPatternSchema.safeParse(stream).success) return stream;
  throw new UsageError(`--${option} ${stream} cannot be: A-Z a-z 0-9 _ - and *, up to 64 of them`);
}

function subjectOf(subject: string | undefined): string | undefined {
  if (subjectSchema.optional().safeParse(subject).success) return subject;
  throw new UsageError(
    `--subject ${subject} cannot be: up to 256 letters that do not begin with key:, address: or token:`,
  );
}

function secondsOf(ttl: string): number {
  const [, number, unit] = /^([1-9]\d{0,5})([smhd])$/.exec(ttl) ?? [];
  if (number && (unit === 's' || unit === 'm' || unit === 'h' || unit === 'd')) {
    return Number(number) * SECONDS[unit];
  }
  throw new UsageError(`--ttl ${ttl} cannot be: a number and s, m, h or d, e.g. 2h`);
}

function limitsOf(values: { viewers?: string; bitrate?: string; streams?: string }): GrantLimits {
  const { viewers, bitrate, streams } = values;
  const given = Object.entries({ viewers, bitrate, streams }).filter(([, value]) => value !== undefined);
  const parsed = grantLimitsSchema.safeParse(
    Object.fromEntries(given.map(([name, value]) => [name, Number(value)])),
  );
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  const text = given.find(([each]) => each === name)?.[1];
  throw new UsageError(`--${name} ${text} cannot be: a whole number, and not too small`);
}

/** Where the server is reached, as it prints it itself. */
function serverUrl(config: Config): string {
  const { http } = config;
  if (http.port === 0 && !publicUrl(http, 0)) {
    throw new UsageError('--url is missing: http.port is 0, so the port is not known');
  }
  return reachedAt(config, http.port);
}

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  if (args === 'help') {
    console.log(USAGE);
    return 0;
  }
  const config = loadConfig({ env: process.env });
  const base = args.url ? args.url.href.replace(/[?#].*$/, '').replace(/\/$/, '') : serverUrl(config);
  const { issuer, audience } = config.auth.jwt;
  const { action, stream, ttl, subject, limits } = args;
  const id = randomUUID();
  const token = await signToken(
    { actions: [action], stream, ttl, subject, id, limits },
    { secret: loadKey(config, 'jwt').key, issuer, audience },
  );
  const until = new Date(Date.now() + ttl * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  const revoke = JSON.stringify(subject ? { subject } : { jti: id });
  console.log(
    [
      ...linesOn(args, base, token),
      `Holds until  ${until}; to end it before: POST ${base}/api/revoke ${revoke}`,
      ...notesOn(args, config),
    ].join('\n'),
  );
  return 0;
}

/** What can be done with it, one line each. */
function linesOn(args: Arguments, base: string, token: string): string[] {
  return usesOf(args, base, token).map(({ name, url, link }) => {
    const how = name === 'Record' ? `POST ${url}` : url;
    return `${name.padEnd(12)} ${link ? how : `${how} with the bearer token ${token}`}`;
  });
}

function notesOn(args: Arguments, { auth }: Config): string[] {
  const note = noteOn(args, auth);
  return note === undefined ? [] : [`${'Note'.padEnd(12)} ${note}`];
}

process.exitCode = await main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    console.error(error.message);
    return 1;
  }
  return exitCode(error, 'grant');
});
