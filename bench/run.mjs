/** `npm run bench -- NAME [options]`: one of the measurements in this folder. README.md tells of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const [name] = process.argv.splice(2, 1);

if (names.includes(name)) await import(`./${name}.ts`);
else {
  const unknown = name && !name.startsWith('-');
  if (unknown) console.error(`There is no "${name}" to measure.\n`);
  console.log('What to measure: npm run bench -- NAME [options]\n');
  for (const each of names) console.log(`  ${each.padEnd(12)} ${firstSentence(each)}`);
  process.exitCode = unknown ? 2 : 0;
}

/** Of the comment at the top. */
function firstSentence(file) {
  const text = readFileSync(join(import.meta.dirname, `${file}.ts`), 'utf8');
  const [comment] = text.split('*/');
  return comment
    .replaceAll(/\s*\/?\*+\s*/g, ' ')
    .trim()
    .split(/[.:](\s|$)/)[0];
}
