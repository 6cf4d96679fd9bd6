import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanup } from 'node-datachannel';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Refused } from '../../tools/lib/resource.ts';
import { decodeAudio, decodeVideo } from '../helpers/decode.ts';
import { type Packets, publishCommand, watchPackets } from '../helpers/live.ts';
import { media, TONES } from '../helpers/media.ts';
import { publishMedia } from '../helpers/publish-media.ts';
import { freePorts, startServer, type TestServer } from '../helpers/server.ts';
import { publishByGstreamer } from '../helpers/whip-gst.ts';

let server: TestServer;
const undo: (() => Promise<unknown>)[] = [];
const later = <T extends { stop(): Promise<unknown> }>(thing: T): T => {
  undo.push(() => thing.stop());
  return thing;
};

beforeAll(async () => {
  server = await startServer();
});
afterEach(async () => {
  for (const stop of undo.splice(0).reverse()) await stop();
});
afterAll(async () => {
  await server?.stop();
  cleanup();
});

/** Two seconds and a half of pictures, without a fault, in which the box changes its colour. */
async function seesPictures(viewer: Packets, codec: 'H264' | 'VP8'): Promise<void> {
  const picture = await decodeVideo(codec, await viewer.seconds('video', 2.5));
  expect(viewer.codec('video')).toBe(codec);
  expect(picture).toMatchObject({ size: '640x360', errors: [] });
  expect(picture.frames).toBeGreaterThan(60);
  expect(new Set(picture.colours)).toEqual(new Set(['red', 'blue']));
}

async function hearsTones(viewer: Packets, left = TONES.left, right = TONES.right): Promise<void> {
  const sound = await decodeAudio(await viewer.seconds('audio', 2));
  expect(sound.errors).toEqual([]);
  expect(sound.seconds).toBeGreaterThan(1.9);
  for (const [index, frequency] of [left, right].entries()) {
    expect(sound.channels[index]?.frequency).toBeCloseTo(frequency, -1);
    expect(sound.channels[index]?.level).toBeGreaterThan(0.2);
  }
}

describe('libdatachannel, which OBS uses', () => {
  test('H.264, of high profile too, and VP8, with Opus in stereo: each to two viewers', async () => {
    const kinds = [
      ['h264', 'H264'],
      ['vp8', 'VP8'],
      ['h264-high', 'H264'],
    ] as const;
    const checks = kinds.map(async ([name, codec]) => {
      later(await publishMedia(server.url, name, name));
      const viewers = await Promise.all([1, 2].map(() => watchPackets(server.url, name)));
      for (const viewer of viewers) {
        await seesPictures(later(viewer), codec);
        await hearsTones(viewer);
      }
    });
    await Promise.all(checks);
  });

  test('video alone, sound alone', async () => {
    later(await publishMedia(server.url, 'silent', 'h264-only'));
    later(await publishMedia(server.url, 'blind', 'opus-only'));
    const silent = later(await watchPackets(server.url, 'silent'));
    const blind = later(await watchPackets(server.url, 'blind'));
    await seesPictures(silent, 'H264');
    await hearsTones(blind);
    expect(silent.of.audio).toEqual([]);
    expect(blind.of.video).toEqual([]);
  });

  test('a viewer who wants sound alone', async () => {
    later(await publishMedia(server.url, 'radio', 'h264'));
    const viewer = later(await watchPackets(server.url, 'radio', { kinds: ['audio'] }));
    await hearsTones(viewer);
    expect(viewer.of.video).toEqual([]);
  });

  test('what is copied goes on after the end of the file', async () => {
    later(await publishMedia(server.url, 'round', 'h264', { file: await media('h264', 1) }));
    const viewer = later(await watchPackets(server.url, 'round'));
    const picture = await decodeVideo('H264', await viewer.seconds('video', 3));
    expect(picture.errors).toEqual([]);
    expect(picture.frames).toBeGreaterThan(80);
  });

  test('is asked for key frames', async () => {
    let asked = 0;
    const publisher = await publishMedia(server.url, 'rare', 'h264-long-gop', {
      onKeyFrameRequest: () => {
        asked++;
      },
    });
    later(publisher);
    const first = later(await watchPackets(server.url, 'rare'));
    await first.seconds('video', 0.5);
    later(await watchPackets(server.url, 'rare'));
    await expect.poll(() => asked, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(publisher.source.lost).toBe(0);
  });

  test('leaves by DELETE: viewers see the end at once', async () => {
    const publisher = await publishMedia(server.url, 'short', 'h264');
    let lost = false;
    const viewer = await watchPackets(server.url, 'short', {
      onLost: () => {
        lost = true;
      },
    });
    later(viewer);
    await publisher.stop();
    await server.record('stream ended', { streamId: 'short', reason: 'stopped' });
    await expect.poll(() => lost, { timeout: 5_000 }).toBe(true);
  });

  test('a stream that is not live is refused, with the time to try again', async () => {
    const error = await watchPackets(server.url, 'nobody').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ status: 404, retryAfter: expect.any(Number) });
  });
});

describe("GStreamer's webrtcbin", () => {
  test.each(['H264', 'VP8'] as const)('%s with Opus; key frames when asked', async (codec) => {
    const publisher = await publishByGstreamer(`${server.url}/whip/gst-${codec}`, { video: codec });
    undo.push(() => publisher.stop());
    const viewer = later(await watchPackets(server.url, `gst-${codec}`));
    const picture = await decodeVideo(codec, await viewer.seconds('video', 2));
    expect(picture).toMatchObject({ size: '640x360', errors: [] });
    expect(picture.frames).toBeGreaterThan(50);
    await hearsTones(viewer, 440, 440);
    expect(publisher.keyFrameRequests()).toBeGreaterThan(0);
    expect(await publisher.stop()).toBe(0);
    await server.record('stream ended', { streamId: `gst-${codec}`, reason: 'stopped' });
  });
});

describe('npm run publish', () => {
  const to = (stream: string, ...more: string[]) => ['--stream', stream, '--url', server.url, ...more];

  test('a file to its end', async () => {
    const command = publishCommand([await media('h264', 4), ...to('file')]);
    await command.printed(`Watch it at ${server.url}/watch/file`);
    const viewer = later(await watchPackets(server.url, 'file'));
    await seesPictures(viewer, 'H264');
    await hearsTones(viewer);
    expect(await command.exit).toBe(0);
    expect(command.output()).toContain('at its end');
    await server.record('stream ended', { streamId: 'file', reason: 'stopped' });
  });

  test('what cannot be copied is encoded; --loop goes on until Ctrl-C', async () => {
    const file = await media('mpeg4', 2);
    const refused = publishCommand([file, ...to('loop', '--copy')]);
    expect(await refused.exit).toBe(1);
    expect(refused.output()).toMatch(/mpeg4.*leave --copy out/);

    const command = publishCommand([file, ...to('loop', '--loop')]);
    await command.printed('Live');
    const viewer = later(await watchPackets(server.url, 'loop'));
    const picture = await decodeVideo('H264', await viewer.seconds('video', 4.5));
    expect(picture.errors).toEqual([]);
    expect(picture.frames).toBeGreaterThan(120);
    await hearsTones(viewer);
    // npm passes the terminal's Ctrl-C on once more.
    command.process.kill('SIGINT');
    command.process.kill('SIGINT');
    expect(await command.exit).toBe(130);
    await server.record('stream ended', { streamId: 'loop', reason: 'stopped' });
  });

  test('goes on when the server is back', async () => {
    const settings = { PHAROS_HTTP_PORT: await freePorts(1) };
    const first = await startServer(settings);
    const command = publishCommand([await media('h264'), '--stream', 'on', '--loop', '--url', first.url]);
    await command.printed('Live');
    await first.stop('SIGKILL');
    await command.printed('connection is lost');
    const second = later(await startServer(settings));
    await second.record('stream live', { streamId: 'on' });
    await seesPictures(later(await watchPackets(second.url, 'on')), 'H264');
    command.process.kill('SIGTERM');
    expect(await command.exit).toBe(143);
  });

  test('the key: by option, by variable; without it the reason is told', async () => {
    const key = 'a-key-of-some-length';
    const settings = { PHAROS_AUTH_PUBLISH: 'key', PHAROS_AUTH_PUBLISH_KEY: key };
    const strict = later(await startServer(settings));
    const file = await media('h264', 1);
    const args = [file, '--stream', 'k', '--url', strict.url];
    const wrong = publishCommand([...args, '--key', 'not-this-one-for-sure']);
    expect(await wrong.exit).toBe(1);
    expect(wrong.output()).toMatch(/401.*key or token/);
    const byOption = publishCommand([...args, '--key', key]);
    const byVariable = publishCommand([...args, '--stream', 'v'], { PHAROS_PUBLISH_KEY: key });
    expect([await byOption.exit, await byVariable.exit]).toEqual([0, 0]);
  });

  test('wrong arguments', async () => {
    const text = join(mkdtempSync(join(tmpdir(), 'pharos-publish-')), 'text.mp4');
    writeFileSync(text, 'no film');
    const cases: [string[], number, RegExp][] = [
      [[], 2, /which file/],
      [['/nowhere.mp4', '--stream', 'x'], 2, /no file \/nowhere.mp4/],
      [[text], 2, /--stream is missing/],
      [[text, '--stream', 'a b'], 2, /--stream a b cannot be/],
      [[text, '--stream', 'x', '--url', 'localhost'], 2, /--url localhost/],
      [[text, '--stream', 'x', '--what'], 2, /--what/],
      [[text, '--stream', 'x'], 1, /cannot send .*text.mp4/],
      [['--help'], 0, /npm run publish -- FILE/],
    ];
    const commands = cases.map(([args, ...expected]) => ({ command: publishCommand(args), args, expected }));
    for (const { command, args, expected } of commands) {
      expect(await command.exit, args.join(' ')).toBe(expected[0]);
      expect(command.output()).toMatch(expected[1]);
    }
    const nobody = publishCommand([
      await media('h264', 1),
      '--stream',
      'x',
      '--url',
      'http://127.0.0.1:9999',
    ]);
    expect(await nobody.exit).toBe(1);
    expect(nobody.output()).toMatch(/Nobody answers at http:\/\/127.0.0.1:9999/);
  });
});
