import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../config/errors.ts';
import type { Authority } from '../../../server/auth/authority.ts';
import type { Action } from '../../../server/auth/grant.ts';
import { PharosError } from '../../../server/base/errors.ts';
import { asker, authorityOf, KEYS, lines, token } from '../../helpers/authority.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-authority-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ACTIONS = ['publish', 'watch', 'record', 'administer'] as const;

/** The subject of the grant, or the code of the refusal. */
async function outcome(asked: Promise<{ subject: string }>): Promise<string> {
  try {
    return (await asked).subject;
  } catch (error) {
    if (error instanceof PharosError) return error.code;
    throw error;
  }
}

const allowed = async (authority: Authority, who = asker(), stream: string | undefined = 'lecture-1') => {
  const all = await Promise.all(
    ACTIONS.map(async (action) => [action, await outcome(authority.authorize(action, stream, who))] as const),
  );
  return all.filter(([, answer]) => answer !== 'not_allowed').map(([action]) => action);
};

describe('without a grant', () => {
  test.each([
    ['local', true, ['publish', 'watch', 'record']],
    ['local', false, ['watch']],
    ['key', true, ['watch']],
    ['open', false, ['publish', 'watch', 'record']],
  ] as const)('auth.publish %s, from this machine: %s', async (publish, local, actions) => {
    const authority = authorityOf({ publish });
    expect(await allowed(authority, asker(undefined, { local }))).toEqual(actions);
    expect(authority.keyNeeded(asker(undefined, { local }))).toBe(
      !actions.some((each) => each === 'publish'),
    );
  });

  test('a private stream is nothing for strangers, even where everybody may publish', async () => {
    const settings = { private: ['board-*', 'secret'] };
    expect(await allowed(authorityOf({ ...settings, publish: 'open' }), asker(), 'board-1')).toEqual([]);
    expect(await allowed(authorityOf({ ...settings, publish: 'open' }), asker(), 'secrets')).toContain(
      'watch',
    );
    const here = asker(undefined, { local: true });
    expect(await allowed(authorityOf(settings), here, 'secret')).toEqual(['publish', 'record']);
  });

  test('its holder is its address', async () => {
    const who = asker(undefined, { address: '2001:db8:1:2:3:4:5:6' });
    expect(await outcome(authorityOf().authorize('watch', 'x', who))).toBe('address:2001:db8:1:2::/64');
  });
});

describe('keys', () => {
  const keys = [
    { name: 'studio', key: 'studio-key-studio-key', actions: ['publish'], streams: 'lecture-*' },
    { name: 'archive', key: 'archive-key-archive', actions: ['record'] },
    { name: 'old', key: 'an-old-key-an-old-key', actions: ['publish'], expires: '2020-01-01T00:00:00Z' },
    { name: 'guests', key: 'guests-guests-guests', actions: ['watch'], limits: { bitrate: 100_000 } },
  ];
  const authority = authorityOf({ publish: 'key', private: ['*'], keys });

  test.each([
    [KEYS.publish, 'anything', ['publish', 'watch', 'record']],
    [KEYS.admin, 'anything', ['record', 'administer']],
    ['studio-key-studio-key', 'lecture-2', ['publish', 'watch', 'record']],
    ['studio-key-studio-key', 'other', []],
    ['studio-key-studio-key', undefined, []],
    ['archive-key-archive', undefined, ['record']],
    ['guests-guests-guests', 'lecture-2', ['watch']],
    ['an-old-key-an-old-key', 'lecture-2', []],
    [`${KEYS.publish}x`, 'lecture-2', []],
    [KEYS.publish.toUpperCase(), 'lecture-2', []],
    ['', 'lecture-2', []],
    [undefined, 'lecture-2', []],
  ])('%s for %s', async (key, stream, actions) => {
    const found = [];
    for (const action of ACTIONS) {
      if ((await outcome(authority.authorize(action, stream, asker(key)))) !== 'not_allowed')
        found.push(action);
    }
    expect(found).toEqual(actions);
  });

  test('are held under their names, with their limits', async () => {
    const studio = await authority.authorize('publish', 'lecture-1', asker('studio-key-studio-key'));
    expect(studio).toMatchObject({ subject: 'key:studio', limits: {} });
    const guests = await authority.authorize('watch', 'lecture-1', asker('guests-guests-guests'));
    expect(guests.limits).toEqual({ bitrate: 100_000 });
    const ours = await authority.authorize('publish', 'lecture-1', asker(KEYS.publish));
    expect(ours.subject).toBe('key:publishKey');
  });
});

describe('tokens', () => {
  const authority = authorityOf({ publish: 'key', private: ['*'] });

  test.each([
    [['publish'], 'lecture-1', ['publish', 'watch', 'record']],
    [['watch'], 'lecture-*', ['watch']],
    [['record'], 'lecture-1', ['record']],
    [['administer'], '*', ['record', 'administer']],
    [['watch', 'administer'], '*', ['watch', 'record', 'administer']],
    [['publish'], 'lecture-2', []],
    [['publish'], 'lecture-', []],
    [['publish'], '*-2', []],
  ] satisfies [Action[], string, Action[]][])('%o on %s', async (actions, stream, may) => {
    expect(await allowed(authority, asker(await token({ actions, stream })))).toEqual(may);
  });

  test('what is not about one stream takes a grant for all', async () => {
    const some = asker(await token({ actions: ['publish', 'administer'], stream: 'lecture-*' }));
    expect(await outcome(authority.authorize('administer', undefined, some))).toBe('not_allowed');
    expect(await outcome(authority.authorize('administer', 'lecture-1', some))).toMatch(/^token:/);
    expect(await outcome(authority.authorize('publish', undefined, some))).toBe('not_allowed');
  });

  test('two without a subject are two holders; the same one comes back as the same', async () => {
    const [one, other] = [await token(), await token()];
    const subjects = await Promise.all(
      [one, one, other].map((each) => outcome(authority.authorize('watch', 'lecture-1', asker(each)))),
    );
    expect(subjects[0]).toBe(subjects[1]);
    expect(subjects[2]).not.toBe(subjects[0]);
    const named = await token({ subject: 'alice', limits: { viewers: 3 } });
    const grant = await authority.authorize('watch', 'lecture-1', asker(named));
    expect(grant).toMatchObject({ subject: 'alice', limits: { viewers: 3 } });
  });

  test('where none is needed, one that has ended is refused, one that is unknown ignored', async () => {
    const open = authorityOf({ publish: 'open' });
    const now = Date.now() - 120_000;
    const publish = (key: string | undefined) =>
      outcome(open.authorize('publish', 'lecture-1', asker(key, { address: '192.0.2.1' })));
    expect(await publish(await token({ actions: ['publish'], subject: 'alice' }))).toBe('alice');
    expect(await publish(await token({ actions: ['publish'], subject: 'alice' }, { now }))).toBe(
      'not_allowed',
    );
    for (const other of [undefined, 'unknown', KEYS.admin, await token({ actions: ['watch'] })])
      expect(await publish(other)).toBe('address:192.0.2.1');
  });
});

describe('the end of a grant', () => {
  const ends = (authority: Authority, key: string) =>
    authority.authorize('watch', 'lecture-1', asker(key)).then((grant) => {
      const told: string[] = [];
      const off = grant.onEnd((why) => told.push(why));
      return { grant, told, off };
    });

  test('by expiry, told once and on time', async () => {
    const authority = authorityOf({ private: ['*'] });
    const key = await token({ ttl: 2 });
    const expires = (decodeJwt(key).exp ?? 0) * 1000;
    const { told } = await ends(authority, key);
    expect(told).toEqual([]);
    await expect.poll(() => told, { timeout: 5000, interval: 5 }).toEqual(['expired']);
    const late = Date.now() - expires;
    console.log(`told of expiry ${late} ms after it`);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(authority.inUse).toBe(0);
    await expect(authority.authorize('watch', 'lecture-1', asker(key))).rejects.toThrow(PharosError);
  });

  test('by id or subject, and not for others', async () => {
    const authority = authorityOf({ private: ['*'] });
    const alices = [
      await token({ subject: 'alice', id: 'a1' }),
      await token({ subject: 'alice', id: 'a2' }),
      await token({ subject: 'bob', id: 'b1' }),
    ] as const;
    const [one, two, bob] = await Promise.all(alices.map((each) => ends(authority, each)));
    void authority.revoke({ jti: 'a1' });
    expect([one?.told, two?.told, bob?.told]).toEqual([['revoked'], [], []]);
    expect(await authority.revoke({ subject: 'alice' })).toBe(1);
    expect(await authority.revoke({ subject: 'alice' })).toBe(0);
    expect([one?.told, two?.told, bob?.told]).toEqual([['revoked'], ['revoked'], []]);
    for (const each of alices.slice(0, 2))
      expect(await outcome(authority.authorize('watch', 'lecture-1', asker(each)))).toBe('not_allowed');
    const later = await token({ subject: 'alice' }, { now: Date.now() + 2000 });
    expect(await outcome(authority.authorize('watch', 'lecture-1', asker(later)))).toBe('alice');
  });

  test('that came before anybody listened is told at once; who listens no more is not told', async () => {
    const authority = authorityOf({ private: ['*'] });
    const { grant, off, told } = await ends(authority, await token({ id: 'x' }));
    off();
    await authority.revoke({ jti: 'x' });
    expect(told).toEqual([]);
    const late: string[] = [];
    grant.onEnd((why) => late.push(why));
    expect(late).toEqual(['revoked']);
    expect(authority.inUse).toBe(0);
  });

  test('a revocation outlives a restart, and is forgotten when it is of no use', async () => {
    let now = Date.now();
    const start = () => authorityOf({ private: ['*'] }, { dataDirectory: directory, now: () => now });
    const file = join(directory, 'revocations.json');
    const key = await token({ id: 'kept', ttl: 3600 });
    const first = start();
    const { told } = await ends(first, key);
    await Promise.all([
      first.revoke({ jti: 'kept' }),
      first.revoke({ jti: 'short' }, now + 1000),
      first.revoke({ subject: 'alice' }),
    ]);
    expect(told).toEqual(['revoked']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await outcome(start().authorize('watch', 'lecture-1', asker(key)))).toBe('not_allowed');
    now += 2_000_000;
    await start().revoke({ subject: 'bob' });
    const kept = () =>
      JSON.parse(readFileSync(file, 'utf8')).map(
        (each: { jti?: string; subject?: string }) => each.jti ?? each.subject,
      );
    expect(kept()).toEqual(['kept', 'alice', 'bob']);
    now += 2_000_000;
    await start().revoke({ subject: 'carol' });
    expect(kept()).toEqual(['alice', 'bob', 'carol']);
    writeFileSync(file, '[{');
    expect(start).toThrow(ConfigError);
  });

  test('no more revocations are kept than can be', async () => {
    const authority = authorityOf();
    for (let index = 0; index < 10_000; index++) void authority.revoke({ jti: String(index) });
    await expect(authority.revoke({ jti: 'one more' })).rejects.toThrow(/change auth\.jwt\.secret/);
  });
});

describe('guessing', () => {
  test('is slow, and slows down nobody who has a token', async () => {
    const authority = authorityOf({ publish: 'key' });
    const from = (key?: string) => asker(key, { address: '192.0.2.7' });
    const publish = (key?: string) => outcome(authority.authorize('publish', 'lecture-1', from(key)));
    // What was a grant once, or is one for something else, is no guess.
    const expired = await token({ actions: ['publish'] }, { now: Date.now() - 120_000 });
    for (let index = 0; index < 20; index++) expect(await publish(expired)).toBe('not_allowed');
    expect(await publish(KEYS.publish)).toBe('key:publishKey');
    for (let index = 0; index < 10; index++) expect(await publish(`guess ${index}`)).toBe('not_allowed');
    expect(await publish('guess')).toBe('too_many_requests');
    expect(await publish(KEYS.publish)).toBe('too_many_requests');
    expect(await publish()).toBe('not_allowed');
    expect(await publish(await token({ actions: ['publish'], subject: 'alice' }))).toBe('alice');
    expect(await outcome(authority.authorize('publish', 'lecture-1', asker(KEYS.publish)))).toBe(
      'key:publishKey',
    );
  });
});

test('a refusal says the same whatever was wrong, and takes the same time', async () => {
  const authority = authorityOf({ private: ['*'] });
  const wrong = {
    none: undefined,
    'not a token': 'x'.repeat(43),
    'a bad signature': await token({}, { secret: 'another secret of 32 characters.' }),
    'another stream': await token({ stream: 'lecture-2' }),
    expired: await token({}, { now: Date.now() - 120_000 }),
  };
  const times: Record<string, number[]> = {};
  const said = new Set<string>();
  for (let round = 0; round < 200; round++) {
    for (const [name, key] of Object.entries(wrong)) {
      const who = asker(key, { address: `10.${round % 256}.${Object.keys(wrong).indexOf(name)}.1` });
      const before = performance.now();
      await authority.authorize('watch', 'lecture-1', who).catch((error: unknown) => said.add(String(error)));
      times[name] = [...(times[name] ?? []), performance.now() - before];
    }
  }
  expect([...said]).toEqual([expect.stringContaining('watching this needs')]);
  const medians = Object.entries(times).map(([name, all]) => ({
    name,
    ms: all.sort((a, b) => a - b)[100] ?? 0,
  }));
  console.log(medians.map(({ name, ms }) => `${name}: ${ms.toFixed(3)} ms`).join(', '));
  const sorted = medians.map(({ ms }) => ms).sort((a, b) => a - b);
  // What goes over a network differs by more; a look-up that is left out would be seen here.
  expect((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)).toBeLessThan(2);
});

test('no token is ever logged', async () => {
  expect(lines.length).toBeGreaterThan(100);
  const log = lines.join('');
  for (const secret of [...Object.values(KEYS), 'studio-key-studio-key', 'guess 1', 'eyJ'])
    expect(log).not.toContain(secret);
});
