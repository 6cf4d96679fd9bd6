/** GStreamer's webrtcbin as a WHIP publisher (whip-gst.py). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Debian's, which has python3-gi; another Python on the PATH would not. */
const PYTHON = '/usr/bin/python3';
const SCRIPT = join(import.meta.dirname, 'whip-gst.py');

export type GstOptions = { token?: string; video?: 'H264' | 'VP8' | 'none'; silent?: boolean };

export type GstPublisher = {
  readonly process: ChildProcess;
  /** How many key frames the server has asked for. */
  keyFrameRequests(): number;
  /** Ends it in order; resolves with its exit code. */
  stop(): Promise<number | null>;
};

/** Resolves when it is connected. @throws Error with what it printed, if it ends before. */
export async function publishByGstreamer(
  endpoint: string,
  { token, video = 'H264', silent = false }: GstOptions = {},
): Promise<GstPublisher> {
  const args = [SCRIPT, endpoint, '--video', video];
  if (token) args.push('--token', token);
  if (silent) args.push('--silent');
  const child = spawn(PYTHON, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  // A test that fails does not come to stop().
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        if (/^READY$/m.test(output)) resolve();
      });
    }
    child.once('close', (code) => reject(new Error(`GStreamer ended (${code}): ${output}`)));
  });
  await ready;
  return {
    process: child,
    keyFrameRequests: () => output.match(/^KEYFRAME$/gm)?.length ?? 0,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.stdin.end();
        await exited;
      }
      return child.exitCode;
    },
  };
}
