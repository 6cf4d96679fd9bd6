/** Structured logs: JSON lines for machines, readable text on a terminal. */
import { Writable } from 'node:stream';
import { type LevelWithSilent, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/** Fields whose values never reach a log, wherever they stand within two levels of a record. */
const SECRET_FIELDS = [
  'key',
  'publishKey',
  'adminKey',
  'secret',
  'credential',
  'password',
  'token',
  'authorization',
  'cookie',
  'sdp',
];
const REDACTED = SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export type LogSettings = { level: LevelWithSilent; format: 'auto' | 'json' | 'text' };

/** What pino writes to; tests give their own. */
export type LogSink = { write(line: string): void };

export function createLogger({ level, format }: LogSettings, sink?: LogSink): Logger {
  const asText = format === 'text' || (format === 'auto' && process.stdout.isTTY === true);
  const options = { level, redact: { paths: REDACTED, censor: '***' }, base: null };
  // Both ways write synchronously: the last lines before an exit are those that matter most.
  if (!asText) return pino(options, sink ?? pino.destination({ dest: 1, sync: true }));
  const colorize = sink === undefined && process.stdout.isTTY === true;
  return pino(
    options,
    pretty({ colorize, sync: true, translateTime: 'SYS:HH:MM:ss.l', destination: sinkOf(sink) }),
  );
}

function sinkOf(sink: LogSink | undefined): NodeJS.WritableStream | number {
  if (sink === undefined) return 1;
  return new Writable({
    write(chunk, _encoding, done) {
      sink.write(String(chunk));
      done();
    },
  });
}
