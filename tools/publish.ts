/** `npm run publish -- FILE --stream ID`: a media file as a live stream, by WHIP. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Broadcast, type State } from './lib/broadcast.ts';
import { RtpSource, type RtpSourceOptions } from './lib/rtp-source.ts';
import { StatusLine } from './lib/status-line.ts';

const USAGE = `Sends a media file as a live stream to Pharos, or to any other WHIP server.

  npm run publish -- FILE --stream ID [options]

  --stream ID     the stream's identifier: A-Z a-z 0-9 _ -, up to 64 of them
  --loop          begin again at the end of the file, until Ctrl-C
  --url URL       where the server is (default http://localhost:3000), or a whole WHIP endpoint
  --key KEY       the publish key; default: PHAROS_PUBLISH_KEY, else what is in data/publish-key
  --copy          send the video as it is in the file (H.264 without B-frames, or VP8) instead of
                  encoding it; Opus as well, other sound is encoded
  --help          this text

Without --copy the video becomes H.264 constrained baseline with a key frame each second.

Exit codes: 0 the file is at its end, 1 refused or failed, 2 wrong arguments, 130 Ctrl-C.`;

const ROOT = join(import.meta.dirname, '..');
/** npm changes the directory; this is where the person stands. */
const here = process.env.INIT_CWD ?? process.cwd();

class UsageError extends Error {}

type Arguments = {
  file: string;
  endpoint: URL;
  watch: URL | undefined;
  key?: string;
  loop: boolean;
  copy: boolean;
};

function readArguments(argv: string[]): Arguments | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';
  const [given, ...more] = positionals;
  if (!given) throw new UsageError('which file?');
  if (more.length > 0) throw new UsageError(`one file at a time: what is "${more[0]}"?`);
  const file = resolve(here, given);
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const base = baseOf(values.url);
  const endpoint = base.pathname.includes('/whip') ? base : endpointOf(base, values.stream);
  const watch =
    endpoint === base ? undefined : new URL(endpoint.href.replace(/\/whip\/([^/]+)$/, '/watch/$1'));
  return { file, endpoint, watch, key: values.key ?? defaultKey(), loop: values.loop, copy: values.copy };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        stream: { type: 'string' },
        loop: { type: 'boolean', default: false },
        url: { type: 'string', default: 'http://localhost:3000' },
        key: { type: 'string' },
        copy: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function baseOf(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new UsageError(`--url ${url} is no address like http://localhost:3000`);
}

function endpointOf(base: URL, stream: string | undefined): URL {
  if (stream === undefined) throw new UsageError('--stream is missing: under which identifier?');
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(stream)) {
    throw new UsageError(`--stream ${stream} cannot be: A-Z a-z 0-9 _ - and up to 64 of them`);
  }
  return new URL(`${base.href.replace(/[?#].*$/, '').replace(/\/$/, '')}/whip/${stream}`);
}

function defaultKey(): string | undefined {
  if (process.env.PHAROS_PUBLISH_KEY) return process.env.PHAROS_PUBLISH_KEY;
  const file = join(ROOT, 'data/publish-key');
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    // Another user's, or none: on the server's machine it may go without.
    return undefined;
  }
}

/** Milliseconds. */
const SAME_SIGNAL = 500;
const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  if (args === 'help') {
    console.log(USAGE);
    return 0;
  }
  const line = new StatusLine(process.stdout);
  const stop = new AbortController();
  const ended = Promise.withResolvers<Error | undefined>();
  const options: RtpSourceOptions = {
    ...args,
    onPacket: (kind, packet) => broadcast.send(kind, packet),
    onEnd: (error) => ended.resolve(error),
  };
  const source = await RtpSource.open(options);
  const broadcast = new Broadcast({
    url: args.endpoint,
    token: args.key,
    tracks: source.tracks,
    signal: stop.signal,
    onState: (state) => line.say(describe(state, args)),
  });
  let code = 0;
  onSignal((exit) => {
    code = exit;
    ended.resolve(undefined);
    stop.abort();
  });
  const progress = setInterval(() => line.show(status(source, broadcast)), 1_000);
  try {
    await broadcast.start();
    source.start(options);
    const failure = await Promise.race([ended.promise, broadcast.over]);
    if (failure) throw failure;
    if (code === 0 && !broadcast.live)
      throw new Error('the file came to its end while there was no connection');
  } catch (error) {
    if (code === 0) throw error;
  } finally {
    clearInterval(progress);
    await Promise.all([source.close(), broadcast.close()]);
    line.end();
  }
  if (code === 0) console.log('The file is at its end.');
  return code;
}

/** The first signal asks for an orderly end, a later one ends it. Through npm one Ctrl-C comes twice, at once. */
function onSignal(end: (exit: number) => void): void {
  let since: number | undefined;
  for (const [signal, exit] of Object.entries(EXIT_BY_SIGNAL)) {
    process.on(signal, () => {
      if (since !== undefined && performance.now() - since > SAME_SIGNAL) process.exit(exit);
      if (since === undefined) end(exit);
      since ??= performance.now();
    });
  }
}

function describe(state: State, { endpoint, watch, key }: Arguments): string {
  switch (state.name) {
    case 'connecting':
      return `Connecting to ${endpoint.href}${key ? '' : ' without a key'}`;
    case 'live':
      return watch ? `Live. Watch it at ${watch.href}` : 'Live.';
    case 'waiting':
      return `${state.reason}. Trying again until it works; Ctrl-C ends it.`;
  }
}

function status(source: RtpSource, broadcast: Broadcast): string {
  const { seconds, kilobits } = broadcast.progress();
  const time = new Date(seconds * 1000).toISOString().slice(11, 19);
  const { width, height } = source.info.video ?? {};
  const picture = width ? `${width}x${height}` : 'sound only';
  const parts = [time, broadcast.live ? `${kilobits} kbit/s` : 'no connection', picture];
  if (source.lost > 0) parts.push(`${source.lost} packets lost here: this machine is too busy`);
  if (source.reordered) parts.push('B-frames: browsers show them jerkily, leave --copy out');
  return parts.join('  ');
}

function fail(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  console.error(message);
  if (error instanceof UsageError) console.error('\nnpm run publish -- --help tells more.');
  return error instanceof UsageError ? 2 : 1;
}

// libdatachannel's threads would keep the process; all that matters is closed.
process.exit(await main().catch(fail));
