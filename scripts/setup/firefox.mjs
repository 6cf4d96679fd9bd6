/** The tests' other browser. */
import { existsSync } from 'node:fs';
import { outerPath, which } from './paths.mjs';
import { SetupError } from './run.mjs';

const NAMES = ['firefox-esr', 'firefox'];
const MAC = '/Applications/Firefox.app/Contents/MacOS/firefox';

/** The path of a Firefox; PHAROS_FIREFOX names another. */
export function findFirefox(env = process.env, platform = process.platform) {
  const given = env.PHAROS_FIREFOX;
  if (given) {
    if (existsSync(given)) return given;
    throw new SetupError(`PHAROS_FIREFOX is ${given}, which does not exist.`, {
      advice: 'Correct the variable or unset it.',
    });
  }
  return which(NAMES, outerPath(env.PATH)) ?? (platform === 'darwin' && existsSync(MAC) ? MAC : undefined);
}

export const firefox = {
  name: 'firefox',
  ready: () => findFirefox() !== undefined,
  async run() {
    throw new SetupError('There is no Firefox for the browser tests.', {
      advice: 'Install Firefox 140 or newer, or set PHAROS_FIREFOX to its path.',
    });
  },
};

export const firefoxNeeds = () => (findFirefox() ? [] : ['firefox']);
