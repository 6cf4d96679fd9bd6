import { expect, test } from 'vitest';
import { contains, normalized, PROFILES, profileOf } from '../../../server/whip/h264-profile.ts';

test.each([
  ['420015', 'Constrained Baseline'],
  ['42E01F', 'Constrained Baseline'],
  ['4d001f', 'Main'],
  ['4d401f', 'Main'],
  ['4d801f', 'Constrained Baseline'],
  ['58801f', 'Constrained Baseline'],
  ['58401f', 'Main'],
  ['58001f', undefined],
  ['64001f', 'High'],
  ['640c1f', 'High'],
  ['6e0028', 'High 10'],
  ['7a0028', 'High 4:2:2'],
  ['f4001f', 'High 4:4:4 Predictive'],
  ['2c001f', undefined],
  ['422001f', 'Constrained Baseline'],
  ['4d2001f', 'Main'],
  [undefined, 'Constrained Baseline'],
  ['', undefined],
  ['42e01', undefined],
  ['0x42e0', undefined],
])('profile-level-id %s is %s', (profileLevelId, profile) => {
  expect(profileOf(profileLevelId)).toBe(profile);
});

test('each profile is contained in itself and those after it', () => {
  for (const [i, inner] of PROFILES.entries()) {
    for (const [j, outer] of PROFILES.entries()) expect(contains(outer, inner)).toBe(j >= i);
  }
});

test.each([
  ['42e028', '42e028'],
  ['42000b', '42e00b'],
  ['420000', '42e00a'],
  ['4200ff', '42e034'],
  ['42002b', '42e02a'],
])('%s is written for mediasoup as %s', (profileLevelId, written) => {
  expect(normalized('Constrained Baseline', profileLevelId)).toBe(written);
});
