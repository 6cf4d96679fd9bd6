/** Compressed copies beside built files, so that the server only has to choose (server/http/precompressed.ts). */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** What is text; the rest, such as pictures, is compressed in itself. */
const TEXT = /\.(js|css|html|svg|json|txt|webmanifest)$/;
/** Below, headers and a packet weigh more than what is saved. */
const LEAST = 512;

const CODINGS = [
  [
    '.br',
    (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  ],
  ['.gz', (bytes) => gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION })],
];

/**
 * Writes `<file>.br` and `<file>.gz` for each text in the folder that gains by it; files and folders with a
 * dot at their front are left alone, as they are not served.
 * @param {string} folder what vite has built, e.g. dist/web
 */
export function compressAll(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const file = join(folder, entry.name);
    if (entry.isDirectory()) compressAll(file);
    else if (TEXT.test(entry.name)) compress(file);
  }
}

function compress(file) {
  const bytes = readFileSync(file);
  if (bytes.length < LEAST) return;
  for (const [suffix, code] of CODINGS) {
    const coded = code(bytes);
    if (coded.length < bytes.length) writeFileSync(`${file}${suffix}`, coded);
  }
}
