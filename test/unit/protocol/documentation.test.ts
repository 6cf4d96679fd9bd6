import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CLOSE_CODES, END_REASONS, ERROR_CODES } from '../../../server/protocol/codes.ts';
import { answer, answers, event, REQUEST_TYPES, request } from '../../../server/protocol/messages.ts';

const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');

type Example = { sort: string; type: string; body: unknown };
const examples: Example[] = [...text.matchAll(/^```json (\w+) ?(\w*)\n([\s\S]*?)^```$/gm)].map(
  ([, sort = '', type = '', json = '']) => ({ sort, type, body: JSON.parse(json) }),
);
const EVENT_TYPES = event.def.options.map((option) => String(option.def.shape.type.def.values[0]));

const has = (sort: string, type: string) =>
  examples.some((example) => example.sort === sort && example.type === type);

describe('docs/protocol.md', () => {
  test.each(REQUEST_TYPES)('has an example of the request %s and of its answer', (type) => {
    expect(has('request', type)).toBe(true);
    expect(has('answer', type)).toBe(true);
  });

  test.each(EVENT_TYPES)('has an example of the event %s', (type) => {
    expect(has('event', type)).toBe(true);
  });

  test.each(examples)(
    'the example of $sort $type fits its schema, to the last field',
    ({ sort, type, body }) => {
      if (sort === 'request') expect(request.parse(body)).toEqual({ ...same(body), type });
      else if (sort === 'event') expect(event.parse(body)).toEqual({ ...same(body), type });
      else if (sort === 'refusal') expect(answer.parse(body)).toEqual(body);
      else expect(answers[requestType(type)].parse(dataOf(body))).toEqual(dataOf(body));
    },
  );

  test('names every error code, end reason and close code, and no others', () => {
    const table = (heading: RegExp) => {
      const [, rows = ''] = heading.exec(text) ?? [];
      return [...rows.matchAll(/^\| `?(\w+)`? \|/gm)].map(([, name]) => name);
    };
    expect(table(/\| code \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)/)).toEqual([...ERROR_CODES]);
    expect(table(/\| reason \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)/)).toEqual([...END_REASONS]);
    expect(table(/\| WebSocket close code .*\n\|---\|---\|\n((?:\|.*\n)+)/).map(Number)).toEqual(
      Object.values(CLOSE_CODES),
    );
  });
});

function same(body: unknown): object {
  if (typeof body !== 'object' || body === null) throw new Error('not an object');
  return body;
}

function dataOf(body: unknown): unknown {
  const parsed = answer.parse(body);
  if (!parsed.ok) throw new Error('a refusal');
  return parsed.data;
}

function requestType(type: string): keyof typeof answers {
  const known = REQUEST_TYPES.find((name) => name === type);
  if (!known) throw new Error(`no such request: ${type}`);
  return known;
}
