/** What is heard: two channels where the publisher asks for them, and G.711 where there is nothing else. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from '../helpers/browser.ts';
import { openLib } from '../helpers/lib-page.ts';
import { startServer, type TestServer } from '../helpers/server.ts';

/** In hertz, far enough apart for the bands of the analysis. */
const LEFT = 500;
const RIGHT = 1500;
const BOTH = `${LEFT}+${RIGHT}`;

let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer();
  browser = await launchBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function publish(stream: string, stereo: boolean): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate(
    ([stream, stereo, left, right]) =>
      window.lib.publish(
        {
          stream,
          audio: { stereo },
          video: { codec: 'VP8', height: 360, frameRate: 10, maxBitrate: 300_000 },
        },
        { tones: [left, right] },
      ),
    [stream, stereo, LEFT, RIGHT] as const,
  );
  return page;
}

async function watch(stream: string): Promise<Page> {
  const page = await openLib(browser, server.url);
  await page.evaluate((id) => void window.lib.watch(id), stream);
  await page.waitForFunction(() => (window.viewer?.mediaStream.getAudioTracks().length ?? 0) > 0);
  return page;
}

/** Enough that a moment in which one channel was there and the other not yet is none of them. */
const LOOKS = 5;

/**
 * Resolves when of the two tones these are heard left and right: `['500', '1500']`, or `500+1500` where both
 * are, a few looks in a row.
 */
async function heard(page: Page, left: string, right: string): Promise<void> {
  const wanted = `${left} | ${right}`;
  const last = await page.evaluate(
    async ([tones, wanted, count]) => {
      const stream = window.viewer?.mediaStream ?? window.received;
      if (!stream) throw new Error('nothing to hear');
      const audio = new AudioContext();
      const splitter = audio
        .createMediaStreamSource(stream)
        .connect(new ChannelSplitterNode(audio, { numberOfOutputs: 2 }));
      const analysers = [0, 1].map((channel) => {
        const analyser = new AnalyserNode(audio, { fftSize: 4096, smoothingTimeConstant: 0 });
        splitter.connect(analyser, channel);
        return analyser;
      });
      const look = () =>
        analysers.map((analyser) => {
          const levels = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(levels);
          const at = (hertz: number) =>
            levels[Math.round((hertz * analyser.fftSize) / audio.sampleRate)] ?? -200;
          const loudest = Math.max(...tones.map(at));
          // In dB: what leaks from one channel into the other is far below.
          return tones.filter((hertz) => at(hertz) > -70 && at(hertz) > loudest - 20).join('+');
        });
      const until = performance.now() + 30_000;
      let last = '';
      for (let same = 0; same < count && performance.now() < until; ) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        last = look().join(' | ');
        same = last === wanted ? same + 1 : 0;
      }
      await audio.close();
      return last;
    },
    [[LEFT, RIGHT], wanted, LOOKS] as const,
  );
  expect(last).toBe(wanted);
}

declare global {
  interface Window {
    /** By WHEP. */
    received?: MediaStream;
  }
}

test('left is left and right is right where the publisher asks for stereo', async () => {
  const publisher = await publish('stereo', true);
  const viewer = await watch('stereo');
  await heard(viewer, `${LEFT}`, `${RIGHT}`);
  await viewer.context().close();
  await publisher.context().close();
});

test('else both are on both sides', async () => {
  const publisher = await publish('mono', false);
  const viewer = await watch('mono');
  await heard(viewer, BOTH, BOTH);
  await viewer.context().close();
  await publisher.context().close();
});

test.each(['PCMU', 'PCMA'])('%s by WHIP, played by the page, and by WHEP', async (codec) => {
  const publisher = await openLib(browser, server.url);
  await exchange(publisher, 'whip', codec);
  const viewer = await watch(`g711-${codec}`);
  await heard(viewer, BOTH, BOTH);
  const player = await openLib(browser, server.url);
  await exchange(player, 'whep', codec);
  await heard(player, BOTH, BOTH);
  for (const page of [player, viewer, publisher]) await page.context().close();
});

/** WHIP or WHEP with that codec of sound alone. */
function exchange(page: Page, protocol: 'whip' | 'whep', codec: string): Promise<void> {
  return page.evaluate(
    async ([protocol, codec, left, right]) => {
      const peer = new RTCPeerConnection();
      const sends = protocol === 'whip';
      const track = sends ? window.lib.tones(left, right) : 'audio';
      const transceiver = peer.addTransceiver(track, { direction: sends ? 'sendonly' : 'recvonly' });
      const { codecs = [] } = RTCRtpReceiver.getCapabilities('audio') ?? {};
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === `audio/${codec}`));
      peer.addEventListener('track', ({ track }) => {
        window.received = new MediaStream([track]);
        // Without an element that plays it, Chromium decodes nothing.
        const element = Object.assign(new Audio(), { srcObject: window.received, muted: true });
        void element.play();
      });
      await peer.setLocalDescription();
      const response = await fetch(`/${protocol}/g711-${codec}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp' },
        body: peer.localDescription?.sdp ?? '',
      });
      if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
      await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    },
    [protocol, codec, LEFT, RIGHT] as const,
  );
}
