/** `npm run load -- --stream ID`: many viewers of a stream, and how they fare. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { exitCode, here, onSignal, UsageError } from './lib/command.ts';
import { type LoadArguments, readArguments, TEST_FILE, USAGE } from './lib/load-arguments.ts';
import { type LoadProgress, runLoad } from './lib/load-run.ts';
import { OwnPublisher } from './lib/own-publisher.ts';
import { formatReport, type Report } from './lib/report.ts';
import { StatusLine } from './lib/status-line.ts';
import { testFile } from './lib/test-file.ts';

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2));
  if (args === 'help') {
    console.log(USAGE);
    return 0;
  }
  const line = new StatusLine(args.json ? process.stderr : process.stdout);
  const stop = new AbortController();
  let code = 0;
  onSignal((exit) => {
    code = exit;
    stop.abort();
  });
  try {
    const report = await load(args, line, stop.signal);
    line.end();
    console.log(args.json ? JSON.stringify(report, null, 2) : `\n${formatReport(report)}`);
    return code === 0 ? exitOf(report) : code;
  } catch (error) {
    line.end();
    // Interrupted before there was anything to tell.
    if (code !== 0) return code;
    throw error;
  }
}

async function load(args: LoadArguments, line: StatusLine, signal: AbortSignal): Promise<Report> {
  const publisher = await publish(args, line, signal);
  try {
    const { viewers, perSecond, stream, url } = args;
    line.say(`Joining "${stream}" at ${url.href}: ${viewers} viewers, ${perSecond} a second`);
    return await runLoad({
      ...args,
      publisher,
      signal,
      onProgress: (progress) => line.show(status(progress, args)),
    });
  } finally {
    await publisher?.close();
  }
}

async function publish(
  args: LoadArguments,
  line: StatusLine,
  signal: AbortSignal,
): Promise<OwnPublisher | undefined> {
  if (args.publish === undefined) return undefined;
  const file = args.publish === TEST_FILE ? await testFile() : resolve(here, args.publish);
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  line.say(`Publishing ${file} as "${args.stream}"`);
  return OwnPublisher.start({ ...args, file, signal });
}

function status(progress: LoadProgress, { viewers }: LoadArguments): string {
  const { seconds, joined, failed, megabitsPerSecond, packets, lost, cpu } = progress;
  const share = (of: number) => `${Math.round(of * 100)} %`;
  const parts = [
    new Date(seconds * 1000).toISOString().slice(11, 19),
    `${joined} of ${viewers} joined`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    `${megabitsPerSecond} Mbit/s`,
    `loss ${((100 * lost) / Math.max(1, packets + lost)).toFixed(2)} %`,
    `CPU: this tool ${share(cpu.load)}`,
    ...(cpu.server > 0 ? [`server ${share(cpu.server)}`] : []),
  ];
  return parts.join('  ');
}

function exitOf({ viewers, publisherEnded }: Report): number {
  const { asked, joined, ended, silent } = viewers;
  return joined === asked && ended === 0 && silent === 0 && publisherEnded === null ? 0 : 1;
}

// libdatachannel's threads would keep the process; all that matters is closed.
process.exit(await main().catch((error: unknown) => exitCode(error, 'load')));
