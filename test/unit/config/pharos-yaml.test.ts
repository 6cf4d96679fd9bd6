import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isMap, isScalar, parseDocument } from 'yaml';
import { configSchema } from '../../../config/schema.ts';
import { SETTINGS, type Setting } from '../../../config/settings.ts';

const text = readFileSync(join(import.meta.dirname, '../../../config/pharos.yaml'), 'utf8');
const document = parseDocument(text);

test('the default file has every setting, at its default, and no other', () => {
  expect(document.errors).toEqual([]);
  expect(document.toJS()).toEqual(configSchema.parse({}));
});

test.each(SETTINGS.map((setting) => [setting.key, setting] as const))(
  '%s is explained as in the schema',
  (_key, setting) => {
    expect(setting.description, 'description in config/schema.ts').not.toBe('');
    expect(commentOf(setting.path)).toContain(sentence(setting));
  },
);

/** The description, and what the numbers may be. */
function sentence({ description, json, unit }: Setting): string {
  if (json.type !== 'integer') return description;
  return `${description} From ${json.minimum} to ${json.maximum}${unit === undefined ? '' : ` ${unit}`}.`;
}

/** The comment lines directly above the key, as one line. */
function commentOf(path: readonly string[]): string {
  const section = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(section)) throw new Error(`${path.join('.')}: its section is missing`);
  const index = section.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === path.at(-1));
  const key = section.items[index]?.key;
  if (!isScalar(key)) throw new Error(`${path.join('.')} is missing`);
  // yaml gives a section's first comment to the section itself.
  const comment = (index === 0 ? section.commentBefore : key.commentBefore) ?? '';
  return comment.replace(/^[ \t]+/gm, '').replace(/\n+/g, ' ');
}
