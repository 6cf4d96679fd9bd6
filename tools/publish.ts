/** `npm run publish -- FILE --stream ID`: a media file as a live stream, by WHIP. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Broadcast, type State } from './lib/broadcast.ts';
import { exitCode, here, onSignal, publishKey, serverOf, streamOf, UsageError } from './lib/command.ts';
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
  const base = serverOf(values.url);
  const endpoint = base.pathname.includes('/whip') ? base : endpointOf(base, values.stream);
  const watch =
    endpoint === base ? undefined : new URL(endpoint.href.replace(/\/whip\/([^/]+)$/, '/watch/$1'));
  return { file, endpoint, watch, key: values.key ?? publishKey(), loop: values.loop, copy: values.copy };
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

function endpointOf(base: URL, stream: string | undefined): URL {
  if (stream === undefined) throw new UsageError('--stream is missing: under which identifier?');
  return new URL(`${base.href.replace(/[?#].*$/, '').replace(/\/$/, '')}/whip/${streamOf(stream)}`);
}

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

// libdatachannel's threads would keep the process; all that matters is closed.
process.exit(await main().catch((error: unknown) => exitCode(error, 'publish')));
