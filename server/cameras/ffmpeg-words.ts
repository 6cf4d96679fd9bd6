/** What ffmpeg's lines and its exit mean for a camera. Pure. */
import { CameraFault } from './fault.ts';

type Exit = { code: number | null; signal: string | null };

/** It looked too briefly to know what comes; a longer look may help. */
export function isUndescribed(lines: readonly string[]): boolean {
  return lines.some((line) => /Could not find codec parameters|dimensions not set/.test(line));
}

/** Of an end that nobody asked for; `broken` is what happened to the connection to the camera, if anything. */
export function exitFault(
  { code, signal }: Exit,
  lines: readonly string[],
  broken?: CameraFault,
): CameraFault {
  const said = (pattern: RegExp) => lines.some((line) => pattern.test(line));
  if (said(/\bENOENT\b/)) {
    return new CameraFault('source_unreachable', 'there is no ffmpeg on the server; run npm run setup', {
      passing: false,
    });
  }
  if (said(/Unknown encoder/)) {
    return new CameraFault(
      'source_unsupported',
      "the server's ffmpeg cannot encode this; install one with libx264 and libopus",
    );
  }
  if (said(/Nonmatching transport|461 Unsupported/i)) {
    return new CameraFault(
      'source_refused',
      'the camera does not know this transport; set the other one (tcp, udp)',
    );
  }
  if (broken) return broken;
  if (code === 0) return new CameraFault('source_unreachable', 'the camera ended the stream');
  if (signal !== null) return new CameraFault('source_unreachable', 'ffmpeg was ended by somebody else');
  return new CameraFault('source_unreachable', 'the connection to the camera broke');
}

const JUMP = { lines: 20, withinMs: 5000 };

/**
 * When a camera's clock is set back, ffmpeg gives all frames the same time until
 * the old one is reached again, and complains about each. Now and then one is
 * out of order; that does no harm.
 */
export class TimeJumps {
  #times: number[] = [];

  /** @returns whether there were too many complaints in a short time. */
  count(line: string, now: number): boolean {
    if (!/non-?\s?monoton/i.test(line)) return false;
    this.#times = [...this.#times.filter((time) => now - time < JUMP.withinMs), now];
    return this.#times.length >= JUMP.lines;
  }
}
