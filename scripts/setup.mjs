/**
 * Makes a fresh machine ready; does nothing, quickly, where all is ready.
 *
 *   node scripts/setup.mjs          what the server needs, with the pages
 *   node scripts/setup.mjs start    the same
 *   node scripts/setup.mjs test     that, two browsers, GStreamer and what makes bad networks
 *   node scripts/setup.mjs check    what the static checks need
 *
 * Runs before anything is installed: plain JavaScript, nothing but Node itself (18 or newer).
 */
import { chromium, chromiumNeeds } from './setup/chromium.mjs';
import { dependencies } from './setup/dependencies.mjs';
import { ffmpeg, ffmpegInstalled, ffmpegNeeds } from './setup/ffmpeg.mjs';
import { firefox, firefoxNeeds } from './setup/firefox.mjs';
import { gstreamer, gstreamerNeeds } from './setup/gstreamer.mjs';
import { takeLock } from './setup/lock.mjs';
import { networks, networksNeeds } from './setup/networks.mjs';
import { node } from './setup/node.mjs';
import { packages } from './setup/packages.mjs';
import { pages } from './setup/pages.mjs';
import { Reporter } from './setup/report.mjs';
import { checkInterrupted, Interrupted, interrupt, SetupError } from './setup/run.mjs';
import { workerBuild, workerDownload, workerNeeds } from './setup/worker.mjs';

const basics = [dependencies, node];
const serverAnd = (needs, ...steps) => [
  ...basics,
  workerDownload,
  ffmpeg,
  packages(() => [...workerNeeds(), ...ffmpegNeeds(), ...needs()]),
  ffmpegInstalled,
  ...steps,
  workerBuild,
  pages,
];
const MODES = {
  start: serverAnd(() => []),
  test: serverAnd(
    () => [...chromiumNeeds(), ...firefoxNeeds(), ...gstreamerNeeds(), ...networksNeeds()],
    chromium,
    firefox,
    gstreamer,
    networks,
  ),
  check: basics,
};

const EXIT_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

async function main(mode = 'start') {
  const steps = MODES[mode];
  if (!steps)
    throw new SetupError(`There is no setup "${mode}".`, {
      advice: `It can be ${Object.keys(MODES).join(', ')}.`,
    });
  if (isReady(steps)) return;

  const report = new Reporter();
  const release = await takeLock({
    check: checkInterrupted,
    onWait: (pid) => report.say(`  Another setup (process ${pid}) is at work here; waiting for it.`),
  });
  try {
    // Whoever was waited for may have done it all.
    if (!isReady(steps)) await runSteps(steps, report);
  } finally {
    report.abandon();
    release();
  }
}

// Steps may share a check: each is made once. A step without one has work only if another has.
const isReady = (steps) => [...new Set(steps.map((step) => step.ready))].every((ready) => ready?.() ?? true);

async function runSteps(steps, report) {
  report.say('Pharos makes this machine ready.');
  for (const step of steps) {
    checkInterrupted();
    if (!step.ready?.()) await step.run(report);
  }
}

function explain(error) {
  const lines = [`Setup stopped: ${error.message}`];
  if (error.tail.length > 0) lines.push('', ...error.tail.map((text) => `    ${text}`), '');
  if (error.log) lines.push(`The whole output is in ${error.log}.`);
  if (error.advice) lines.push(error.advice);
  return lines.join('\n');
}

function exitWith(error) {
  if (error instanceof Interrupted) {
    console.error('Setup was interrupted; run the same command again to go on.');
    process.exit(EXIT_BY_SIGNAL[error.signal]);
  }
  console.error(error instanceof SetupError ? explain(error) : error);
  process.exit(1);
}

for (const signal of Object.keys(EXIT_BY_SIGNAL)) process.on(signal, () => interrupt(signal));
main(process.argv[2]).catch(exitWith);
