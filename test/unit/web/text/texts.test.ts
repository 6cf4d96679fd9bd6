/** Every text that a page shows is in the catalogue, and nothing is in there for nobody. By vite's own parser. */
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'vite';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const find = (pattern: string) =>
  globSync(pattern, { cwd: ROOT })
    .map((file) => file.replaceAll('\\', '/'))
    .sort();

/** The client library tells programs what is wrong; pages word it anew (web/base/explain.ts). */
const sources = find('web/**/*.{ts,tsx}').filter(
  (file) => !/\.d\.ts$|vite\.config|^web\/(lib|text)\//.test(file),
);

type Node = { type: string } & Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode);
}

function parse(file: string, source: string): Node {
  const { program, errors } = parseSync(file, source);
  expect(errors).toEqual([]);
  if (!isNode(program)) throw new Error(`${file} cannot be parsed`);
  return program;
}

// --- What a page shows that is in no catalogue ------------------------------------------

/** The same in every language: names, units; and values as examples, an address or an id. */
const NO_WORDS = /^\S*\d\S*$|^Bearer |\b(Pharos|TCP|UDP|Mbit\/s|kbit\/s|kB|MB|GB|TB|ms|px|fps|fr\/s)\b/g;
/** What people read or hear of an element; `text` and `action` of our own. */
const SHOWN =
  /^(aria-(label|description|roledescription|valuetext|placeholder)|alt|title|placeholder|label|text|action)$/;
/** Two words and more, as a sentence or a heading begins. */
const SENTENCE = /^\p{Lu}[\p{L}’'-]* [\p{L}\d’'(]+/u;
/** Told to whoever programs, not to whoever looks. */
const FOR_PROGRAMMERS = /^(Error|TypeError|RangeError|DOMException|ApiError)$/;

const hasWord = (text: string) => /\p{L}{2}/u.test(text.replace(NO_WORDS, ''));

/** What an expression may become, as far as it stands there. */
function* literals(node: Node): Generator<string> {
  switch (node.type) {
    case 'Literal':
      if (typeof node.value === 'string') yield node.value;
      return;
    case 'TemplateLiteral':
      yield piecesOf(node).join(' ');
      return;
    case 'JSXExpressionContainer':
    case 'ConditionalExpression':
    case 'LogicalExpression':
    case 'BinaryExpression':
      for (const [name, child] of Object.entries(node)) {
        const compared = node.type === 'BinaryExpression' && node.operator !== '+';
        if (name !== 'test' && !compared && isNode(child)) yield* literals(child);
      }
      return;
    default:
  }
}

function piecesOf({ quasis }: Node): string[] {
  const all = Array.isArray(quasis) ? quasis : [];
  return all.map(({ value }: { value: { cooked: string } }) => value.cooked);
}

function nameOf(node: unknown): string {
  return isNode(node) && typeof node.name === 'string' ? node.name : '';
}

function* textsIn(node: Node): Generator<string> {
  if (node.type === 'JSXText' && typeof node.value === 'string' && hasWord(node.value)) {
    yield node.value.replace(/\s+/g, ' ').trim();
  }
  if (node.type === 'JSXAttribute' && SHOWN.test(nameOf(node.name)) && isNode(node.value)) {
    for (const text of literals(node.value)) if (hasWord(text)) yield text;
  }
  if (node.type === 'JSXElement' || node.type === 'JSXFragment') {
    const inBraces = childrenOf({ type: '', children: node.children }).filter(
      ({ type }) => type === 'JSXExpressionContainer',
    );
    for (const each of inBraces) for (const text of literals(each)) if (hasWord(text)) yield text;
  }
  if (node.type === 'NewExpression' && FOR_PROGRAMMERS.test(nameOf(node.callee))) return;
  const standing = node.type === 'TemplateLiteral' ? piecesOf(node).join('0') : node.value;
  if (/Literal$/.test(node.type) && typeof standing === 'string' && SENTENCE.test(standing)) {
    if (hasWord(standing)) yield standing;
  }
  for (const child of childrenOf(node)) yield* textsIn(child);
}

const textsOf = (file: string, source: string) => [...new Set(textsIn(parse(file, source)))];

test('no file has texts of its own', () => {
  expect(sources).toContain('web/home/main.tsx');
  const found = sources.map((file) => [file, textsOf(file, read(file))] as const);
  expect(Object.fromEntries(found.filter(([, texts]) => texts.length > 0))).toEqual({});
});

describe('a text of its own is found', () => {
  test.each([
    ['<p>Hello</p>', 'Hello'],
    ['<p>{live ? "On air" : t("off")}</p>', 'On air'],
    ['<p>{live && "live"}</p>', 'live'],
    ['<p>{`since TIME`}</p>', 'since  '],
    ['<button aria-label="Close" />', 'Close'],
    ['<img alt={`Picture of NAME`} />', 'Picture of  '],
    ['<Notice title={wrong ? "Wrong" : t("right")} />', 'Wrong'],
    ['{ title: "Something went wrong" }', 'Something went wrong'],
  ])('%s', (code, found) => {
    const filled = code.replace(/[A-Z]{4}/, (name) => `\${${name.toLowerCase()}}`);
    expect(textsOf('x.tsx', `const x = ${filled};`)).toContain(found);
  });
  test.each([
    '<p class="muted small">{t("off")} · {count}</p>',
    '<a href="/publish">Pharos</a>',
    '<p>{state === "live" && t("live")}</p>',
    '<p data-state={live ? "live" : "off"} title={t("live")} />',
    'new Error("This should not be")',
  ])('%s has none', (code) => {
    expect(textsOf('x.tsx', `const x = ${code};`)).toEqual([]);
  });
});

// --- What is in a catalogue and shown nowhere -------------------------------------------

/** `a.${b}` may be `a.` and anything. */
type Said = { words: ReadonlySet<string>; patterns: readonly RegExp[] };

/** Every word for word string of these files, and what template strings may become. */
function saidIn(files: readonly string[]): Said {
  const words = new Set<string>();
  const patterns: RegExp[] = [];
  const visit = (node: Node): void => {
    if (node.type === 'Literal' && typeof node.value === 'string') words.add(node.value);
    if (node.type === 'TemplateLiteral') {
      const pieces = piecesOf(node);
      const isKey =
        pieces.length > 1 && pieces.some((piece) => piece.length > 1) && !/[\s/]/.test(pieces.join(''));
      if (isKey) patterns.push(new RegExp(`^${pieces.map(RegExp.escape).join('.+')}$`));
    }
    for (const child of childrenOf(node)) visit(child);
  };
  for (const file of files) visit(parse(file, read(file)));
  return { words, patterns };
}

/** The files that use a module of texts. */
function usersOf(module: string): string[] {
  return sources.filter((file) =>
    [...read(file).matchAll(/from '(\.[^']+)'/g)].some(
      ([, specifier = '']) => posix.join(posix.dirname(file), specifier) === module,
    ),
  );
}

const modules = find('web/*/text.ts').map((module) => {
  const [, part = ''] = /'\.\.\/text\/en\/(\w+)\.json'/.exec(read(module)) ?? [];
  return { module, part };
});

test('each part of the catalogue has a module', () => {
  expect(modules.map(({ part }) => `web/text/en/${part}.json`).sort()).toEqual(find('web/text/en/*.json'));
});

test.each(modules)('every text of $part is shown by somebody', ({ module, part }) => {
  const texts: Record<string, unknown> = JSON.parse(read(`web/text/en/${part}.json`));
  // Keys may be made in the files beside those that show them.
  const folders = new Set(usersOf(module).map((file) => posix.dirname(file)));
  const { words, patterns } = saidIn(sources.filter((file) => folders.has(posix.dirname(file))));
  const unused = Object.keys(texts).filter((key) => {
    const stem = key.replace(/_(zero|one|two|few|many|other)$/, '');
    return !words.has(key) && !words.has(stem) && !patterns.some((pattern) => pattern.test(stem));
  });
  expect(unused).toEqual([]);
});
