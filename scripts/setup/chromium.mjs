/** The browser of the tests. */
import { existsSync } from 'node:fs';
import { outerPath, which } from './paths.mjs';
import { SetupError } from './run.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const MAC = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);

/** The path of a Chromium or Chrome; PHAROS_CHROMIUM names another. */
export function findChromium(env = process.env, platform = process.platform) {
  const given = env.PHAROS_CHROMIUM;
  if (given) {
    if (existsSync(given)) return given;
    throw new SetupError(`PHAROS_CHROMIUM is ${given}, which does not exist.`, {
      advice: 'Correct the variable or unset it.',
    });
  }
  return (
    which(NAMES, outerPath(env.PATH)) ??
    (platform === 'darwin' ? MAC.find((file) => existsSync(file)) : undefined)
  );
}

export const chromium = {
  name: 'chromium',
  ready: () => findChromium() !== undefined,
  async run() {
    throw new SetupError('There is no Chromium for the browser tests.', {
      advice: 'Install Google Chrome or Chromium, or set PHAROS_CHROMIUM to its path.',
    });
  },
};

export const chromiumNeeds = () => (findChromium() ? [] : ['chromium']);
