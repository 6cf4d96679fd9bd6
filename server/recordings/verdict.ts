/**
 * Whether a finished file is what was recorded. Pure: what was found in it, against what was to be
 * expected of it. A reason is a sentence for people.
 */
import type { Inspection } from '../../workers/ffmpeg/inspect.ts';
import type { PacketScan, Track } from '../../workers/ffmpeg/packets.ts';
import type { MediaKind } from '../protocol/messages.ts';
import type { Absence, Part, Verdict } from './metadata.ts';

export type Expectation = Pick<
  Part,
  'kinds' | 'expected' | 'absences' | 'lostPackets' | 'receivedPackets' | 'recovered'
>;

/** How the file came about, if it was made just now. */
export type Making = {
  /** What the live file held. */
  source: PacketScan;
  /** What was wrong with the live file. */
  faults: readonly string[];
  mendedTimestamps: number;
  /** Seconds at the end of the live file that were left out. */
  leftOut: number;
  /** The picture was encoded anew. */
  encoded: boolean;
};

export type Judgement = { verdict: Verdict; why: string; notes: string[] };

type Finding = { level: 'damaged' | 'repaired' | 'note'; text: string };
const damaged = (text: string): Finding => ({ level: 'damaged', text });
const repaired = (text: string): Finding => ({ level: 'repaired', text });
const note = (text: string): Finding => ({ level: 'note', text });

/** Screen shares that stand still send a frame a second. */
const GAP_SECONDS = { audio: 1, video: 1.5 };
/** Until a publisher's first key frame is there. */
const LATE_START_SECONDS = 3;
/** What a crash may leave out, of one track or of both. */
const CRASH_SECONDS = 2;
/** How well the ends of an absence are known. */
const ABSENCE_SLACK_SECONDS = 2.5;
/** The publisher's clock may run this much faster or slower than ours. */
const CLOCK_RATE_ERROR = 200e-6;
const DURATION_TOLERANCE = { known: 0.5, recovered: 5 };
const WORTH_NOTING_SECONDS = 0.1;
/** More than a few timestamps that went back are a jump of the clock: what came after it is out of sync. */
const MAX_MENDED_TIMESTAMPS = 9;
const MAX_LOSS = 0.01;
const MAX_NOTES = 20;

export function judge(file: Inspection, expectation: Expectation, making?: Making): Judgement {
  const findings = [
    ...judgeContents(file, expectation),
    ...(making ? judgeMaking(file, making) : []),
    ...judgeTimes(file, expectation, making),
    ...judgeLoss(expectation),
    ...(expectation.recovered ? [repaired('it was finished after a crash')] : []),
    ...sizeChanges(file).map(note),
  ];
  return conclude(findings);
}

/** The verdict on a file that could not be made, or is not there. */
export function lost(why: string): Judgement {
  return { verdict: 'damaged', why, notes: [] };
}

function conclude(findings: readonly Finding[]): Judgement {
  const of = (level: Finding['level']) => findings.filter((finding) => finding.level === level);
  const worst = [...of('damaged'), ...of('repaired')];
  const [first] = worst;
  const notes = [...worst.slice(1), ...of('note')].map(({ text }) => text).slice(0, MAX_NOTES);
  if (first === undefined || first.level === 'note') return { verdict: 'ok', why: '', notes };
  return { verdict: first.level, why: first.text, notes };
}

// --- What is in it --------------------------------------------------------------

function judgeContents(file: Inspection, { kinds, absences }: Expectation): Finding[] {
  const { scan, errors, errorCount } = file;
  if (!file.opens) return [damaged(`it cannot be opened: ${errors[0] ?? 'there is nothing in it'}`)];
  const missing = kinds
    .filter((kind) => scan.track(kind) === undefined)
    .map((kind) => {
      // Who goes within a moment of having come may have sent the one and not yet the other.
      const isShort = scan.duration <= GAP_SECONDS[kind];
      const isExplained = isShort || explained({ from: 0, to: scan.duration }, kind, absences);
      return (isExplained ? note : damaged)(`there is no ${NAMES[kind]} in it`);
    });
  const more = errorCount > 1 ? ` (and ${errorCount - 1} more)` : '';
  return [
    ...missing,
    ...scan.tracks.flatMap(judgeTrack),
    ...judgeKeyFrames(file),
    ...(errorCount > 0 ? [damaged(`it does not decode cleanly: ${errors[0]}${more}`)] : []),
  ];
}

const NAMES = { audio: 'sound', video: 'picture' };

function judgeTrack(track: Track): Finding[] {
  const name = NAMES[track.kind];
  const found: Finding[] = [];
  if (track.backwards > 0) {
    const from = clock(track.firstBackwards ?? 0);
    found.push(damaged(`${packets(track.backwards)} of the ${name} do not rise in time, from ${from} on`));
  }
  if (track.empty > 0) {
    const [from, to] = [clock(track.firstEmpty ?? 0), clock(track.lastEmpty ?? 0)];
    found.push(damaged(`${packets(track.empty)} of the ${name} hold nothing but zeros, ${from} to ${to}`));
  }
  return found;
}

function judgeKeyFrames({ scan, decodedKeyFrames }: Inspection): Finding[] {
  const video = scan.track('video');
  if (video === undefined || (video.keyFrames > 0 && decodedKeyFrames >= video.keyFrames)) return [];
  if (video.keyFrames === 0) return [damaged('its picture has no key frame')];
  return [damaged(`${video.keyFrames - decodedKeyFrames} of ${video.keyFrames} key frames do not decode`)];
}

function sizeChanges({ sizes }: Inspection): string[] {
  const [first, ...changes] = sizes.map(({ at, width, height }) => `${width}x${height} at ${clock(at)}`);
  if (changes.length === 0) return [];
  const shown = changes.slice(0, 5).join(', ');
  const more = changes.length > 5 ? ` and ${changes.length - 5} more` : '';
  return [`the picture changes its size: ${first}, ${shown}${more}`];
}

// --- How it was made --------------------------------------------------------------

function judgeMaking(file: Inspection, making: Making): Finding[] {
  const { source, faults, mendedTimestamps: mended, leftOut, encoded } = making;
  const found = source.tracks.flatMap((track) => {
    if (encoded && track.kind === 'video') return [];
    const copy = file.scan.track(track.kind);
    if (copy?.packets === track.packets && copy.digest === track.digest) return [];
    const same = copy?.packets === track.packets ? ', but not the same ones' : '';
    return [
      damaged(`${copy?.packets ?? 0} of ${packets(track.packets)} of ${NAMES[track.kind]} are in it${same}`),
    ];
  });
  const late = Math.abs(lead(file.scan) - lead(source));
  if (late > 0.04) found.push(damaged(`sound and picture were shifted by ${late.toFixed(3)} s in finishing`));
  if (mended > MAX_MENDED_TIMESTAMPS) found.push(damaged(`${mended} timestamps went back: a clock jumped`));
  else if (mended > 0) found.push(repaired(`${mended} timestamps that went back were put right`));
  if (leftOut > 0) found.push(repaired(`the last ${leftOut.toFixed(1)} s had not reached the disk`));
  if (faults.length > 0) found.push(repaired(`something in it could not be read: ${faults[0]}`));
  return found;
}

/** How much earlier sound begins than the picture. */
function lead(scan: PacketScan): number {
  const [video, audio] = [scan.track('video'), scan.track('audio')];
  return video && audio ? video.start - audio.start : 0;
}

// --- Its times ----------------------------------------------------------------------

function judgeTimes({ scan }: Inspection, expectation: Expectation, making: Making | undefined): Finding[] {
  if (scan.packets === 0) return [];
  const found = judgeDuration(scan.duration, expectation);
  for (const track of scan.tracks) found.push(...judgeGaps(track, scan, expectation, making));
  const offset = lead(scan);
  if (Math.abs(offset) > WORTH_NOTING_SECONDS) {
    const [first, second] = offset > 0 ? ['sound', 'picture'] : ['picture', 'sound'];
    found.push(note(`${first} begins ${Math.abs(offset).toFixed(2)} s before ${second}`));
  }
  if (scan.spread > LATE_START_SECONDS) {
    found.push(note(`sound and picture lie up to ${scan.spread.toFixed(1)} s apart in the file`));
  }
  return found;
}

function judgeDuration(duration: number, { expected, recovered }: Expectation): Finding[] {
  if (expected === null) return [];
  const difference = duration - expected;
  const words = `it lasts ${clock(duration)}, ${clock(Math.abs(difference))} ${difference < 0 ? 'less' : 'more'} than was recorded by the clock`;
  const tolerance =
    (recovered ? DURATION_TOLERANCE.recovered : DURATION_TOLERANCE.known) + expected * CLOCK_RATE_ERROR;
  if (Math.abs(difference) > tolerance) return [damaged(words)];
  return Math.abs(difference) > WORTH_NOTING_SECONDS ? [note(words)] : [];
}

function judgeGaps(
  track: Track,
  scan: PacketScan,
  { absences, recovered }: Expectation,
  making: Making | undefined,
): Finding[] {
  const { kind, start, end } = track;
  const whole = { from: scan.start, to: scan.start + scan.duration };
  // Where something could not be read, a hole is no pause of the publisher's.
  const most = making && making.faults.length > 0 ? 0 : GAP_SECONDS[kind];
  const atEnd = recovered || (making?.faults.length ?? 0) > 0 ? CRASH_SECONDS : GAP_SECONDS[kind];
  const gaps = [
    { from: whole.from, to: start, most: LATE_START_SECONDS },
    ...track.gaps.map((gap) => ({ ...gap, most })),
    { from: end, to: whole.to, most: atEnd },
  ];
  return gaps
    .filter((gap) => gap.to - gap.from > gap.most)
    .map((gap) => {
      const words = `there is no ${NAMES[kind]} from ${clock(gap.from)} to ${clock(gap.to)}`;
      return explained(gap, kind, absences) ? note(`${words}: the publisher sent none`) : damaged(words);
    });
}

function explained(
  gap: { from: number; to: number },
  kind: MediaKind,
  absences: readonly Absence[],
): boolean {
  return absences.some(
    (absence) =>
      (absence.kind === kind || absence.kind === 'both') &&
      absence.from - ABSENCE_SLACK_SECONDS <= gap.from &&
      absence.to + ABSENCE_SLACK_SECONDS >= gap.to,
  );
}

function judgeLoss({ lostPackets: lost, receivedPackets: received }: Expectation): Finding[] {
  if (lost === 0) return [];
  const words = `${packets(lost)} of ${lost + received} did not reach the recorder`;
  return [lost > (lost + received) * MAX_LOSS ? damaged(words) : note(words)];
}

// --- Words ----------------------------------------------------------------------------

function packets(count: number): string {
  return count === 1 ? '1 packet' : `${count} packets`;
}

/** `3.2 s`, `12:03.2`, `1:12:03.2` */
function clock(seconds: number): string {
  const tenths = Math.max(0, Math.round(seconds * 10));
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const [hours, minutes, rest] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, tenths % 600];
  const tail = (rest / 10).toFixed(1).padStart(4, '0');
  return hours === 0 ? `${minutes}:${tail}` : `${hours}:${String(minutes).padStart(2, '0')}:${tail}`;
}
