/** Mutations of JSON messages for fuzzing, reproducible by their seed. */

export type Random = () => number;

/** By which a run can be repeated: PHAROS_TEST_SEED, or another each time, which is printed. */
export function seedOfRun(): number {
  const seed = Number(process.env.PHAROS_TEST_SEED ?? Date.now() % 1e9);
  console.info(`seed ${seed} (PHAROS_TEST_SEED)`);
  return seed;
}

/** mulberry32: small, seeded, good enough to pick mutations. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const STRANGE: unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  '',
  '\u0000',
  '__proto__',
  '../../etc/passwd',
  'x'.repeat(2000),
  '💥'.repeat(50),
  'video/VP8',
  'video/rtx',
  'audio/opus',
  [],
  {},
  [[[[[[[[]]]]]]]],
  { __proto__: null, constructor: 1 },
  Array.from({ length: 200 }, (_, index) => index),
];

/** The message as text, with one to four things changed: a value, a field, or some bytes. */
export function mutate(message: unknown, random: Random): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let value: unknown = structuredClone(message);
  const changes = 1 + Math.floor(random() ** 3 * 4);
  for (let i = 0; i < changes; i++) value = changeSomewhere(value, random, pick);
  const text = JSON.stringify(value) ?? '';
  return random() < 0.2 ? scramble(text, random) : text;
}

function changeSomewhere(value: unknown, random: Random, pick: <T>(items: readonly T[]) => T): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.08) return pick(STRANGE);
  const entries = Object.entries(value);
  const chosen = entries[Math.floor(random() * entries.length)];
  if (!chosen) return pick(STRANGE);
  const [name, inner] = chosen;
  const action = random();
  if (action < 0.12)
    return rebuilt(
      value,
      entries.filter(([other]) => other !== name),
    );
  if (action < 0.2)
    return rebuilt(value, [...entries, [Array.isArray(value) ? `${entries.length}` : `${name}x`, inner]]);
  const changed = changeSomewhere(inner, random, pick);
  return rebuilt(
    value,
    entries.map(([other, kept]) => [other, other === name ? changed : kept]),
  );
}

function rebuilt(like: object, entries: [string, unknown][]): unknown {
  return Array.isArray(like) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}

function scramble(text: string, random: Random): string {
  const at = Math.floor(random() * text.length);
  const length = Math.floor(random() * 8);
  const noise = String.fromCharCode(Math.floor(random() * 0xd7ff));
  return random() < 0.5 ? text.slice(0, at) + noise + text.slice(at + length) : text.slice(0, at);
}
