import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findChromium } from '../../../scripts/setup/chromium.mjs';
import { dependenciesKey, installedMatches } from '../../../scripts/setup/dependencies.mjs';
import { ffmpegVersion } from '../../../scripts/setup/ffmpeg.mjs';
import { findFirefox } from '../../../scripts/setup/firefox.mjs';
import { gstreamer, gstreamerNeeds } from '../../../scripts/setup/gstreamer.mjs';
import { identify, isAlive, takeLock } from '../../../scripts/setup/lock.mjs';
import { networks, networksNeeds } from '../../../scripts/setup/networks.mjs';
import { isAtLeast, runsTypeScript } from '../../../scripts/setup/node.mjs';
import { npmErrors } from '../../../scripts/setup/npm.mjs';
import {
  aptCommand,
  missingPackages,
  packagesFor,
  parseOsRelease,
  systemKind,
} from '../../../scripts/setup/packages.mjs';
import { cacheDirectory, outerPath } from '../../../scripts/setup/paths.mjs';
import { line, seconds } from '../../../scripts/setup/report.mjs';
import { hashFiles, hashOf } from '../../../scripts/setup/stamp.mjs';
import { cachePrefix, workerRoute } from '../../../scripts/setup/worker.mjs';

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';
const UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n';
const MINT = "ID=linuxmint\nID_LIKE='ubuntu debian'\n";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pharos-setup-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('versions', () => {
  it('compares part by part, as numbers', () => {
    expect(isAtLeast('22.18.0', '22.18')).toBe(true);
    expect(isAtLeast('v22.9.0', '22.18')).toBe(false);
    expect(isAtLeast('24', '23.6')).toBe(true);
    expect(isAtLeast('23', '23.6')).toBe(false);
  });

  it('knows which Node runs TypeScript without a flag', () => {
    const versions = ['20.19.0', '22.12.0', '22.18.0', '23.5.0', '23.6.0', '24.21.0'];
    expect(versions.filter(runsTypeScript)).toEqual(['22.18.0', '23.6.0', '24.21.0']);
  });

  it('reads the version of ffmpeg in its various forms', () => {
    expect(ffmpegVersion('ffmpeg version 5.1.6-0+deb12u1 Copyright (c) 2000-2024')).toBe('5.1.6');
    expect(ffmpegVersion('ffmpeg version n7.1 Copyright')).toBe('7.1');
    expect(ffmpegVersion('ffmpeg version N-118000-g1234 Copyright')).toBe('999');
    expect(ffmpegVersion('sh: ffmpeg: not found')).toBeUndefined();
  });
});

describe('operating systems', () => {
  it('reads os-release with and without quotes', () => {
    expect(parseOsRelease(MINT)).toEqual({ ID: 'linuxmint', ID_LIKE: 'ubuntu debian' });
  });

  it('tells them apart', () => {
    expect(systemKind('linux', DEBIAN)).toBe('debian');
    expect(systemKind('linux', UBUNTU)).toBe('ubuntu');
    expect(systemKind('linux', MINT)).toBe('ubuntu');
    expect(systemKind('linux', 'ID=fedora\n')).toBe('other');
    expect(systemKind('linux', '')).toBe('other');
    expect(systemKind('darwin', '')).toBe('mac');
  });

  it("leaves out Ubuntu's browsers, which are snaps", () => {
    expect(packagesFor(['ffmpeg', 'chromium'], 'debian')).toEqual([
      'ffmpeg',
      'chromium',
      'fonts-dejavu-core',
    ]);
    expect(packagesFor(['firefox'], 'debian')).toEqual(['firefox-esr']);
    expect(packagesFor(['ffmpeg', 'chromium', 'firefox'], 'ubuntu')).toEqual(['ffmpeg']);
  });

  it('has one list of GStreamer for Debian and Ubuntu, which brings what its check asks for', () => {
    const debian = packagesFor(['gstreamer'], 'debian');
    expect(packagesFor(['gstreamer'], 'ubuntu')).toEqual(debian);
    expect(debian).toContain('gir1.2-gst-rtsp-server-1.0');
    // This machine has them, or setup would not have come to running tests.
    expect(gstreamerNeeds()).toEqual([]);
    expect(gstreamer.ready()).toBe(true);
  });

  it('asks for what makes bad networks once, and for nothing where it cannot be had', () => {
    expect(packagesFor(['networks'], 'debian')).toEqual(['iproute2', 'iptables', 'coturn']);
    expect(networksNeeds()).toEqual([]);
    expect(networks.ready()).toBe(true);
  });

  it('finds what dpkg has not installed, removed packages included', () => {
    const dpkg = 'ii  cmake\nrc  ffmpeg\nun  chromium\n';
    expect(missingPackages(['cmake', 'ffmpeg', 'chromium', 'g++'], dpkg)).toEqual([
      'ffmpeg',
      'chromium',
      'g++',
    ]);
    expect(aptCommand(['ffmpeg', 'g++'])).toContain('install -y --no-install-recommends ffmpeg g++');
  });

  it('keeps its cache where the system wants it', () => {
    expect(cacheDirectory({ HOME: '/home/pat' }, 'linux')).toBe('/home/pat/.cache/pharos');
    expect(cacheDirectory({ HOME: '/home/pat', XDG_CACHE_HOME: '/c' }, 'linux')).toBe('/c/pharos');
    expect(cacheDirectory({ HOME: '/home/pat', XDG_CACHE_HOME: 'relative' }, 'linux')).toBe(
      '/home/pat/.cache/pharos',
    );
    expect(cacheDirectory({ HOME: '/Users/pat' }, 'darwin')).toBe('/Users/pat/Library/Caches/pharos');
  });

  it('undoes what npm does to the PATH', () => {
    expect(outerPath('/p/node_modules/.bin:/node_modules/.bin:/usr/bin:/bin')).toBe('/usr/bin:/bin');
  });
});

describe('what a step depends on', () => {
  it('tells parts apart', () => {
    expect(hashOf('ab', 'c')).not.toBe(hashOf('a', 'bc'));
    expect(hashOf('ab', 'c')).toBe(hashOf('ab', 'c'));
  });

  it("changes with a file's content, name and presence", () => {
    mkdirSync(join(folder, 'web', 'lib'), { recursive: true });
    const hash = () => hashFiles(folder, ['web', 'one.json', 'missing']);
    const seen = [hash()];
    const write = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      seen.push(hash());
    };
    write('web/lib/a.ts', '1');
    write('web/lib/a.ts', '2');
    write('web/b.ts', '2');
    write('one.json', '{}');
    expect(new Set(seen).size).toBe(5);
    expect(hash()).toBe(seen.at(-1));
  });

  it('changes with what is to be installed, not with the scripts of package.json', () => {
    const key = (manifest: object, lock = 'lock', arch = 'x64') =>
      dependenciesKey(lock, JSON.stringify(manifest), 'linux', arch);
    const before = key({ dependencies: { ws: '8' }, scripts: { a: 'b' } });
    expect(key({ dependencies: { ws: '8' }, scripts: { a: 'c' } })).toBe(before);
    expect(key({ dependencies: { ws: '9' }, scripts: { a: 'b' } })).not.toBe(before);
    expect(key({ dependencies: { ws: '8' } }, 'other')).not.toBe(before);
    expect(key({ dependencies: { ws: '8' } }, 'lock', 'arm64')).not.toBe(before);
  });

  it('tells worker binaries of different recipes and machines apart', () => {
    const prefixes = [
      cachePrefix('3.27.1', 'r1', 'linux', 'x64'),
      cachePrefix('3.27.1', 'r2', 'linux', 'x64'),
      cachePrefix('3.27.1', 'r1', 'linux', 'arm64'),
      cachePrefix('3.27.2', 'r1', 'linux', 'x64'),
    ];
    expect(new Set(prefixes).size).toBe(4);
  });
});

describe('node_modules', () => {
  const machine = { platform: 'linux', arch: 'x64' };
  const lock = {
    packages: {
      '': { version: '0.1.0' },
      'node_modules/ws': { version: '8.0.0', integrity: 'sha512-a' },
      'node_modules/bind-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
      'node_modules/bind-mac': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
    },
  };
  const ws = { version: '8.0.0', integrity: 'sha512-a' };
  const bind = { version: '1.0.0' };
  const matches = (packages: object, exists = (_path: string) => true) =>
    installedMatches(lock, { packages }, exists, machine);

  it("may lack other machines' packages only", () => {
    expect(matches({ 'node_modules/ws': ws, 'node_modules/bind-linux': bind })).toBe(true);
    expect(matches({ 'node_modules/ws': ws })).toBe(false);
    expect(matches({ 'node_modules/bind-linux': bind })).toBe(false);
  });

  it('must hold the very versions, and really hold them', () => {
    const other = { ...ws, integrity: 'sha512-b' };
    expect(matches({ 'node_modules/ws': other, 'node_modules/bind-linux': bind })).toBe(false);
    const gone = (path: string) => path !== 'node_modules/ws';
    expect(matches({ 'node_modules/ws': ws, 'node_modules/bind-linux': bind }, gone)).toBe(false);
  });

  it("is not explained by npm's manual when npm fails", () => {
    const output =
      'npm warn old\nnpm error code EUSAGE\nnpm error\nnpm error Missing: x\nnpm error   --indented\n';
    expect(npmErrors(output)).toEqual(['npm error code EUSAGE', 'npm error Missing: x']);
    expect(npmErrors('no\nprefix\n')).toEqual(['no', 'prefix']);
  });
});

describe('what a person may set', () => {
  it('chooses the way to the worker', () => {
    expect(workerRoute({})).toBe('auto');
    expect(workerRoute({ PHAROS_WORKER_ROUTE: 'prebuilt' })).toBe('prebuilt');
    expect(workerRoute({ MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD: '1' })).toBe('build');
    expect(() => workerRoute({ PHAROS_WORKER_ROUTE: 'magic' })).toThrow('PHAROS_WORKER_ROUTE is "magic"');
  });

  it.each([
    ['chromium', findChromium, 'PHAROS_CHROMIUM'],
    ['firefox-esr', findFirefox, 'PHAROS_FIREFOX'],
  ])('names %s, which must exist', (name, find, variable) => {
    const browser = join(folder, name);
    writeFileSync(browser, '');
    expect(find({ [variable]: browser, PATH: '' })).toBe(browser);
    expect(find({ PATH: folder })).toBe(browser);
    expect(find({ PATH: '/nowhere' }, 'linux')).toBeUndefined();
    expect(() => find({ [variable]: `/nowhere/${name}` })).toThrow('does not exist');
  });
});

describe('the lock', () => {
  const lock = () => join(folder, 'setup.lock');

  it('lets one in at a time', async () => {
    const release = await takeLock({ folder: lock() });
    const order: string[] = [];
    const second = takeLock({ folder: lock(), onWait: (pid) => order.push(`wait for ${pid}`) }).then(
      (free) => {
        order.push('second');
        free();
      },
    );
    await expect.poll(() => order).toEqual([`wait for ${process.pid}`]);
    release();
    await second;
    expect(order).toEqual([`wait for ${process.pid}`, 'second']);
  });

  it('is taken from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    const owner = identify(child.pid ?? 0);
    await once(child, 'close');
    mkdirSync(lock());
    writeFileSync(join(lock(), 'owner'), owner);
    const release = await takeLock({ folder: lock(), onWait: () => expect.unreachable() });
    release();
  });

  it('is not held by another process that got the same id', () => {
    expect(isAlive(identify(process.pid))).toBe(true);
    if (process.platform === 'linux') expect(isAlive(`${process.pid} 1`)).toBe(false);
    expect(isAlive('')).toBe(false);
  });

  it('reads the start time behind a program name with blanks and parentheses', () => {
    const stat = `7 (a) b) S ${Array.from({ length: 18 }, (_, i) => i).join(' ')} 4711 0`;
    expect(identify(7, () => stat)).toBe('7 4711');
  });
});

it('prints one line a step', () => {
  expect(line('worker', 'built from source', seconds(171_000))).toBe(
    `  worker        built from source${' '.repeat(36)}2 min 51 s`,
  );
  expect(seconds(8200).trim()).toBe('8.2 s');
});
