/** `npm run bench -- NAME [options]`: one of the measurements in this folder; first-frame if none is named. */
import { readdirSync } from 'node:fs';

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));
const named = process.argv[2]?.startsWith('-') === false;
const [name] = named ? process.argv.splice(2, 1) : ['first-frame'];

if (names.includes(name)) await import(`./${name}.ts`);
else {
  console.error(`There is no "${name}" to measure, only ${names.join(', ')}.`);
  process.exitCode = 2;
}
