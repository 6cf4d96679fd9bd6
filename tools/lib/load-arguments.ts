/** The command line of `npm run load`. */
import { parseArgs } from 'node:util';
import { publishKey, serverOf, streamOf, UsageError } from './command.ts';

export const USAGE = `Joins a stream as many viewers (ICE, DTLS and SRTP are real, nothing is decoded) and tells how they fare.

  npm run load -- --stream ID [options]

  --stream ID       whose viewers; default "load" with --publish
  --url URL         where the server is (default http://localhost:3000)
  --viewers N       how many (default 100, up to 5000)
  --ramp N/s        how many begin in a second (default 50/s)
  --duration S      seconds that they watch when all have joined (default 60)
  --ws              join by the WebSocket protocol, as the pages do, instead of WHEP
  --publish [FILE]  bring a publisher: a media file again and again, or one of ffmpeg's making
                    (1280x720, 30 frames and a key frame a second, 1.4 Mbit/s), also named "test"
  --key KEY         the publish key; default: PHAROS_PUBLISH_KEY, else what is in data/publish-key
  --json            the figures as JSON on standard output; progress goes to standard error
  --help            this text

A server lets one address do only so much: for a load from one machine raise its settings
PHAROS_LIMITS_JOINS_PER_ADDRESS (600 a minute), PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS (500 WebSockets)
and PHAROS_LIMITS_VIEWERS_PER_STREAM (1000). docs/load.md tells how to read the figures.

Exit codes: 0 all have watched, 1 some could not or nothing worked, 2 wrong arguments, 130 Ctrl-C.`;

/** A file of ffmpeg's making. */
export const TEST_FILE = Symbol('test file');

export type LoadArguments = {
  url: URL;
  stream: string;
  viewers: number;
  perSecond: number;
  /** Seconds. */
  duration: number;
  by: 'whep' | 'ws';
  publish: string | typeof TEST_FILE | undefined;
  key: string | undefined;
  json: boolean;
};

/** @throws {UsageError} */
export function readArguments(argv: readonly string[]): LoadArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const { publish } = values;
  const stream = values.stream ?? (publish === undefined ? undefined : 'load');
  if (stream === undefined) throw new UsageError('--stream is missing: whose viewers?');
  return {
    url: directory(serverOf(values.url)),
    stream: streamOf(stream),
    viewers: numberOf('--viewers', values.viewers, /^(\d+)$/, { least: 1, most: 5000 }),
    perSecond: numberOf('--ramp', values.ramp, /^(\d+(?:\.\d+)?)(?:\/s)?$/, { least: 0.1, most: 1000 }),
    duration: numberOf('--duration', values.duration, /^(\d+(?:\.\d+)?)s?$/, { least: 1, most: 86_400 }),
    by: values.ws ? 'ws' : 'whep',
    publish: publish === 'test' ? TEST_FILE : publish,
    key: values.key ?? publishKey(),
    json: values.json,
  };
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: withPublished(argv),
      options: {
        url: { type: 'string', default: 'http://localhost:3000' },
        stream: { type: 'string' },
        viewers: { type: 'string', default: '100' },
        ramp: { type: 'string', default: '50/s' },
        duration: { type: 'string', default: '60' },
        ws: { type: 'boolean', default: false },
        publish: { type: 'string' },
        key: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** parseArgs knows no option whose value may be missing. */
function withPublished(argv: readonly string[]): string[] {
  return argv.flatMap((argument, index) => {
    const next = argv[index + 1];
    return argument === '--publish' && (next === undefined || next.startsWith('-'))
      ? [argument, 'test']
      : [argument];
  });
}

/** What is resolved against it stays below it. */
const directory = ({ origin, pathname }: URL): URL => new URL(`${origin}${pathname.replace(/\/?$/, '/')}`);

function numberOf(
  option: string,
  given: string,
  form: RegExp,
  { least, most }: { least: number; most: number },
): number {
  const value = Number(form.exec(given)?.[1] ?? Number.NaN);
  if (value >= least && value <= most) return value;
  throw new UsageError(`${option} ${given} cannot be: a number from ${least} to ${most}`);
}
