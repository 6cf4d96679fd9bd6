/**
 * Profiles of H.264 as far as they matter to who forwards it (RFC 6184, section 8.1). Constrained
 * Baseline and Baseline count as one, for nobody uses what tells them apart (FMO, ASO); so do
 * Constrained High and High.
 */

/** Each is a subset of the next, and who decodes one decodes those before it (ITU-T H.264, Annex A.2). */
export const PROFILES = [
  'Constrained Baseline',
  'Main',
  'High',
  'High 10',
  'High 4:2:2',
  'High 4:4:4 Predictive',
] as const;
export type Profile = (typeof PROFILES)[number];

/** The first two bytes, as mediasoup's routers are told of them. */
const PREFIX: Record<Profile, string> = {
  'Constrained Baseline': '42e0',
  Main: '4d00',
  High: '6400',
  'High 10': '6e00',
  'High 4:2:2': '7a00',
  'High 4:4:4 Predictive': 'f400',
};

/** The levels that mediasoup knows; with another it takes no codec. */
const LEVELS = [10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52];

/** RFC 6184, section 8.1: baseline at level 1. */
const DEFAULT = '42000a';

/** Undefined for Extended and others that are in no order with the rest, or if it is no profile at all. */
export function profileOf(profileLevelId = DEFAULT): Profile | undefined {
  const bytes = bytesOf(profileLevelId);
  if (!bytes) return undefined;
  const [idc, constraints] = bytes;
  const keepsToBaseline = (constraints & 0x80) !== 0;
  const keepsToMain = (constraints & 0x40) !== 0;
  if (idc === 77 && keepsToBaseline) return 'Constrained Baseline';
  if (idc === 88 && keepsToBaseline) return 'Constrained Baseline';
  if (idc === 88 && keepsToMain) return 'Main';
  return BY_IDC[idc];
}

const BY_IDC: Record<number, Profile> = {
  66: 'Constrained Baseline',
  77: 'Main',
  100: 'High',
  110: 'High 10',
  122: 'High 4:2:2',
  244: 'High 4:4:4 Predictive',
};

/** Whether who decodes `outer` can decode `inner`. */
export function contains(outer: Profile, inner: Profile): boolean {
  return PROFILES.indexOf(outer) >= PROFILES.indexOf(inner);
}

/** The same profile and level as mediasoup writes them, which compares profiles more strictly. */
export function normalized(profile: Profile, profileLevelId = DEFAULT): string {
  const level = bytesOf(profileLevelId)?.[2] ?? 0;
  const known = LEVELS.findLast((each) => each <= level) ?? 10;
  return PREFIX[profile] + known.toString(16).padStart(2, '0');
}

/** For people. */
export function described(profileLevelId = DEFAULT): string {
  const name = bytesOf(profileLevelId)?.[0] === 88 ? 'Extended' : profileOf(profileLevelId);
  return `${name ?? 'of an unknown profile'} (profile-level-id ${profileLevelId.slice(0, 16).replace(/[^\w-]/g, '?')})`;
}

/** The parameters that define an H.264 format: an answer repeats them (RFC 6184, section 8.2.2). */
export function formatOf(parameters: ReadonlyMap<string, string>): Map<string, string> {
  const defining = ['level-asymmetry-allowed', 'packetization-mode', 'profile-level-id'];
  return new Map(
    defining.flatMap((name) => {
      const value = parameters.get(name);
      return value !== undefined && /^[0-9a-f]{1,7}$/i.test(value) ? [[name, value] as const] : [];
    }),
  );
}

function bytesOf(profileLevelId: string): [idc: number, constraints: number, level: number] | undefined {
  // ffmpeg's WHIP muxer writes its flag for constrained profiles, 0x200, where a byte belongs.
  const flagged = /^([0-9a-f]{2})200([0-9a-f]{2})$/i.exec(profileLevelId);
  if (flagged) return bytesOf(`${flagged[1]}40${flagged[2]}`);
  if (!/^[0-9a-f]{6}$/i.test(profileLevelId)) return undefined;
  const value = Number.parseInt(profileLevelId, 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}
