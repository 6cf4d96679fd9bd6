/** A Node that runs the TypeScript sources: the machine's own, else one from the npm package `node`. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { localNode, runNpm, systemNode } from './npm.mjs';
import { openLog, SetupError } from './run.mjs';

const NAME = 'node';

/** From 22.18 and 23.6 on Node runs TypeScript without a flag. mediasoup and vitest need 22.12. */
export function runsTypeScript(version) {
  return isAtLeast(version, '23.6') || (isAtLeast(version, '22.18') && !isAtLeast(version, '23'));
}

export function isAtLeast(version, wanted) {
  const [have, want] = [version, wanted].map((text) => text.replace(/^v/, '').split('.').map(Number));
  for (let i = 0; i < want.length; i++) {
    if ((have[i] ?? 0) !== want[i]) return (have[i] ?? 0) > want[i];
  }
  return true;
}

function versionOf(node) {
  if (node === process.execPath) return process.versions.node;
  return spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? '0';
}

export const node = {
  name: NAME,
  ready: () => existsSync(localNode) || runsTypeScript(versionOf(systemNode())),

  async run(report) {
    const own = versionOf(systemNode());
    report.start(NAME, 'npm rebuild node');
    const log = openLog(NAME);
    const advice = 'Install Node 24 (https://nodejs.org) and run the command again.';
    await runNpm(
      `Node ${own} is too old to run Pharos, and a newer one could not be had from npm.`,
      ['rebuild', 'node', '--ignore-scripts=false'],
      { log, advice },
    );

    const version = existsSync(localNode) ? versionOf(localNode) : '0';
    if (!runsTypeScript(version)) throw new SetupError('npm brought no Node that runs here.', { advice });
    report.what(`Node ${version.replace(/^v/, '')} from npm, as ${own} is too old`);
    report.done();
  },
};
