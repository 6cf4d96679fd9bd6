/** Packages of the operating system: installs what is missing where it may, else says how to. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { outerPath, which } from './paths.mjs';
import { mustRun, openLog, run, SetupError } from './run.mjs';
import { readText } from './stamp.mjs';

const NAME = 'packages';

/** What for, and what it is called where. `ubuntu` is null where its package is of no use (a snap). */
export const NEEDS = {
  build: {
    purpose: 'building mediasoup-worker',
    debian: [
      'cmake',
      'ninja-build',
      'g++',
      'pkg-config',
      'libssl-dev',
      'libuv1-dev',
      'libabsl-dev',
      'libflatbuffers-dev',
      'flatbuffers-compiler',
      'libsrtp2-dev',
    ],
    brew: 'cmake ninja pkg-config openssl@3 libuv abseil flatbuffers srtp',
    programs: ['cmake', 'ninja', 'c++', 'pkg-config', 'flatc'],
  },
  ffmpeg: { purpose: 'recording and cameras', debian: ['ffmpeg'], brew: 'ffmpeg' },
  chromium: {
    purpose: 'the browser tests',
    debian: ['chromium', 'fonts-dejavu-core'],
    ubuntu: null,
    brew: '--cask google-chrome',
    other: 'Install Google Chrome or Chromium, or set PHAROS_CHROMIUM to its path.',
  },
  firefox: {
    purpose: 'the tests with Firefox',
    debian: ['firefox-esr'],
    ubuntu: null,
    brew: '--cask firefox',
    other: 'Install Firefox 140 or newer, or set PHAROS_FIREFOX to its path.',
  },
  gstreamer: {
    purpose: 'the tests of cameras and encoders',
    debian: [
      'python3-gi',
      'gir1.2-gst-rtsp-server-1.0',
      'gir1.2-gst-plugins-base-1.0',
      'gir1.2-gst-plugins-bad-1.0',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-nice',
    ],
    brew: 'gstreamer pygobject3',
  },
  networks: {
    purpose: 'the tests of bad networks and of TURN',
    debian: ['iproute2', 'iptables', 'coturn'],
    brew: 'coturn',
    programs: ['ip', 'tc', 'iptables', 'turnserver'],
  },
};

export function parseOsRelease(text) {
  const values = {};
  for (const entry of text.split('\n')) {
    const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(entry) ?? [];
    if (key) values[key] = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return values;
}

/** 'debian', 'ubuntu' (or what descends from them), 'mac' or 'other'. */
export function systemKind(platform, osRelease) {
  if (platform === 'darwin') return 'mac';
  const { ID = '', ID_LIKE = '' } = parseOsRelease(osRelease);
  const names = [ID, ...ID_LIKE.split(' ')];
  if (names.includes('ubuntu')) return 'ubuntu';
  return names.includes('debian') ? 'debian' : 'other';
}

export function packagesFor(needs, kind) {
  return [
    ...new Set(
      needs.flatMap((need) =>
        NEEDS[need][kind] === undefined ? NEEDS[need].debian : (NEEDS[need][kind] ?? []),
      ),
    ),
  ];
}

/** From the lines of `dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n'`; "ii" is installed. */
export function missingPackages(wanted, dpkgOutput) {
  const installed = new Set();
  for (const entry of dpkgOutput.split('\n')) {
    const [status, name] = entry.split(/\s+/);
    if (status === 'ii') installed.add(name);
  }
  return wanted.filter((name) => !installed.has(name));
}

function queryMissing(wanted) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's placeholders, not ours
  const format = '${db:Status-Abbrev} ${Package}\n';
  const query = spawnSync('dpkg-query', ['-W', `-f=${format}`, ...wanted], { encoding: 'utf8' });
  return missingPackages(wanted, query.stdout ?? '');
}

/** The command for a person who may become root. */
export function aptCommand(packages) {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

async function installDebian(kind, needs, report) {
  const missing = queryMissing(packagesFor(needs, kind));
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    throw new SetupError(
      `This machine lacks ${count(missing)} for ${purposes(needs)}, and only root can install them.`,
      {
        advice: `Run this, then the same command again:\n    ${aptCommand(missing)}`,
      },
    );
  }
  report.start(NAME, `apt-get install, ${count(missing)}`);
  await aptInstall(missing, report);
  report.what(`installed ${missing.join(' ')}`);
  report.done();
}

async function aptInstall(packages, report) {
  const env = { ...process.env, PATH: outerPath(), DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'a' };
  const options = { env, log: openLog(NAME), onLine: (text) => report.progress(aptProgress(text)) };
  const apt = ['-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '-q', '-y'];
  const install = ['apt-get', [...apt, 'install', '--no-install-recommends', ...packages]];

  // An earlier setup may have been cut off in the middle of dpkg's work.
  await run('dpkg', ['--configure', '-a'], options);
  if ((await run(...install, options)).ok) return;
  // No package lists yet, or old ones.
  await mustRun('The lists of Debian packages could not be fetched.', 'apt-get', [...apt, 'update'], {
    ...options,
    advice: "Are Debian's package servers reachable from here?",
  });
  await mustRun('Debian packages could not be installed.', ...install, {
    ...options,
    advice: `Try it by hand, then run the same command again:\n    ${aptCommand(packages)}`,
  });
}

export function aptProgress(text) {
  if (text.startsWith('Get:')) return 'downloading';
  return /^(Unpacking|Setting up) \S+/.exec(text)?.[0] ?? '';
}

function adviseElsewhere(kind, needs) {
  const lacking = needs.filter((need) => !isThere(NEEDS[need].programs));
  if (lacking.length === 0) return;
  const commands = lacking.map((need) => {
    const { brew, other, debian } = NEEDS[need];
    if (kind === 'mac') return `brew install ${brew}`;
    return other ?? `Install what Debian calls ${debian.join(' ')}`;
  });
  throw new SetupError(`This machine lacks what is needed for ${purposes(lacking)}.`, {
    advice: `Run or do this, then the same command again:\n    ${commands.join('\n    ')}`,
  });
}

/** Whether what is needed is there, or can be installed without asking anybody. */
export function attainable(need) {
  const kind = systemKind(process.platform, readText('/etc/os-release') ?? '');
  const apt = existsSync('/usr/bin/apt-get') && (kind === 'debian' || kind === 'ubuntu');
  if (!apt) return isThere(NEEDS[need].programs);
  return process.getuid() === 0 || queryMissing(packagesFor([need], kind)).length === 0;
}

const isThere = (programs) => programs?.every((name) => which(name, outerPath())) ?? false;
const purposes = (needs) => needs.map((need) => NEEDS[need].purpose).join(' and ');
const count = (list) => (list.length === 1 ? 'a package' : `${list.length} packages`);

/** @param needs a function, asked when the earlier steps have got what they could without packages */
export const packages = (needs) => ({
  name: NAME,
  async run(report) {
    const wanted = needs();
    if (wanted.length === 0) return;
    const kind = systemKind(process.platform, readText('/etc/os-release') ?? '');
    const apt = existsSync('/usr/bin/apt-get');
    if (!apt || kind === 'mac' || kind === 'other') return adviseElsewhere(kind, wanted);
    await installDebian(kind, wanted, report);
    const rest = wanted.filter((need) => packagesFor([need], kind).length === 0);
    if (rest.length > 0) adviseElsewhere(kind, rest);
  },
});
