/** The built pages in dist/web. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bundleSizes, bundleTable } from './bundles.mjs';
import { projectNode } from './npm.mjs';
import { nodeModules, root } from './paths.mjs';
import { mustRun, openLog } from './run.mjs';
import { hashFiles, stamp } from './stamp.mjs';

const NAME = 'pages';
const SOURCES = ['web', 'server/protocol', 'package-lock.json'];
const CONFIG = 'web/vite.config.ts';

const currentKey = () => hashFiles(root, SOURCES);

export const pages = {
  name: NAME,
  // Without their sources there is nothing to build: so in the first layers of the Docker image.
  ready: () =>
    !existsSync(join(root, CONFIG)) ||
    (existsSync(join(root, 'dist', 'web')) && stamp.read(NAME) === currentKey()),

  async run(report) {
    const key = currentKey();
    stamp.clear(NAME);
    report.start(NAME, 'vite build');
    await mustRun(
      'The pages could not be built.',
      projectNode(),
      [join(nodeModules, 'vite', 'bin', 'vite.js'), 'build', '--config', CONFIG],
      {
        env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' },
        log: openLog(NAME),
        advice: 'The lines above name the source at fault.',
      },
    );
    stamp.write(NAME, key);
    report.done();
    report.say(bundleTable(bundleSizes(join(root, 'dist', 'web'))).replace(/^/gm, '                '));
  },
};
