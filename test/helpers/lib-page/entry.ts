/** Runs in a page: the client library, and media for it that a test knows. */
import { type CheckOptions, type ConnectionReport, checkConnection } from '../../../web/lib/check.ts';
import type { PublishOptions } from '../../../web/lib/publish-leg.ts';
import { Publisher } from '../../../web/lib/publisher.ts';
import { Viewer } from '../../../web/lib/viewer.ts';

const url = `${location.origin.replace(/^http/, 'ws')}/ws`;

/** A picture that moves and costs bits: `detail` is the share of it that is noise. */
function picture({ width, height, frameRate = 20, detail = 0.08 }: Picture): MediaStreamTrack {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: false });
  if (!context) throw new Error('no canvas');
  // Made once: drawing it at other places is cheap, and new to the encoder nevertheless.
  const noise = Object.assign(document.createElement('canvas'), { width: 2 * width, height });
  const paint = noise.getContext('2d');
  const pixels = paint?.createImageData(2 * width, height);
  if (!paint || !pixels) throw new Error('no canvas');
  const random = new Uint32Array(pixels.data.buffer);
  let state = 1;
  for (let at = 0; at < random.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    random[at] = state | 0xff000000;
  }
  paint.putImageData(pixels, 0, 0);
  const track = canvas.captureStream(frameRate).getVideoTracks()[0];
  if (!track) throw new Error('no track');
  let count = 0;
  const timer = setInterval(() => {
    if (track.readyState === 'ended') return clearInterval(timer);
    count += 1;
    context.fillStyle = `hsl(${count % 360} 50% 50%)`;
    context.fillRect(0, 0, width, height);
    const lines = Math.round(height * detail);
    context.drawImage(noise, (count * 37) % width, 0, width, lines, 0, 0, width, lines);
    context.fillStyle = 'black';
    context.font = `${Math.round(height / 4)}px sans-serif`;
    context.fillText(String(count), (count * 5) % width, height * 0.8);
    return undefined;
  }, 1000 / frameRate);
  return track;
}

type Picture = { width: number; height: number; frameRate?: number; detail?: number };

/** A tone in each of two channels, in hertz. */
function tones(left: number, right: number): MediaStreamTrack {
  const audio = new AudioContext();
  const merger = new ChannelMergerNode(audio, { numberOfInputs: 2 });
  for (const [channel, frequency] of [left, right].entries()) {
    const oscillator = new OscillatorNode(audio, { frequency });
    oscillator.connect(new GainNode(audio, { gain: 0.3 })).connect(merger, 0, channel);
    oscillator.start();
  }
  const target = audio.createMediaStreamDestination();
  target.channelCount = 2;
  merger.connect(target);
  const [track] = target.stream.getAudioTracks();
  if (!track) throw new Error('no track');
  return track;
}

/** What an encoder takes for a voice: a buzz in syllables. Of a steady tone Opus makes no second copy. */
function voice(): MediaStreamTrack {
  const audio = new AudioContext();
  const target = audio.createMediaStreamDestination();
  const mouth = new GainNode(audio, { gain: 0.2 });
  const syllables = new OscillatorNode(audio, { frequency: 3 });
  syllables.connect(new GainNode(audio, { gain: 0.2 })).connect(mouth.gain);
  const throat = new OscillatorNode(audio, { type: 'sawtooth', frequency: 120 });
  throat
    .connect(new BiquadFilterNode(audio, { frequency: 2500 }))
    .connect(mouth)
    .connect(target);
  for (const source of [syllables, throat]) source.start();
  const [track] = target.stream.getAudioTracks();
  if (!track) throw new Error('no track');
  return track;
}

let publisher: Publisher | undefined;

async function publish(options: Omit<PublishOptions, 'videoTrack' | 'audioTrack'>, tracks: LibTracks) {
  publisher?.stop();
  const publishing = new Publisher({ url });
  publisher = publishing;
  window.publisher = publishing;
  return publishing.publish({
    ...options,
    videoTrack: tracks.picture && picture(tracks.picture),
    audioTrack: tracks.voice ? voice() : tracks.tones && tones(...tracks.tones),
  });
}

type LibTracks = { picture?: Picture; tones?: [left: number, right: number]; voice?: boolean };

/** Another picture instead of that which is sent. */
async function repicture(options: Picture): Promise<void> {
  await publisher?.replaceTrack('video', picture(options));
}

/** Begins to watch in a player of the page, which tells what it shows. */
function watch(stream: string): Viewer {
  const viewer = new Viewer({ url });
  const video = show(viewer.mediaStream);
  viewer.on('tracks', () => void video.play().catch(() => {}));
  viewer.on('layers', (layers) => window.seen?.layers.push(layers?.current ?? null));
  window.viewer = viewer;
  viewer.watch(stream).catch((error: unknown) => console.error(String(error)));
  return viewer;
}

/** The same of a picture by WHEP, without our library. */
async function whep(endpoint: string): Promise<void> {
  const peer = new RTCPeerConnection();
  const stream = new MediaStream();
  show(stream);
  peer.addTransceiver('video', { direction: 'recvonly' });
  peer.addEventListener('track', ({ track }) => stream.addTrack(track));
  await peer.setLocalDescription();
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body: peer.localDescription?.sdp ?? '',
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
}

/** Plays it, and keeps what was shown when. */
function show(stream: MediaStream): HTMLVideoElement {
  const video = Object.assign(document.createElement('video'), { id: 'player', muted: true, autoplay: true });
  // Drawing it costs more than decoding it.
  video.style.width = '160px';
  video.srcObject = stream;
  document.body.replaceChildren(video);
  const seen: Seen = { frames: [], layers: [], startedAt: performance.now(), firstFrame: undefined };
  window.seen = seen;
  const onFrame = (_now: number, { height }: { height: number }) => {
    seen.firstFrame ??= performance.now() - seen.startedAt;
    seen.frames.push({ at: Date.now(), height });
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  return video;
}

export type Seen = {
  /** By Date.now(), and the picture's height. */
  frames: { at: number; height: number }[];
  layers: (number | null)[];
  startedAt: number;
  /** In ms. */
  firstFrame: number | undefined;
};

declare global {
  interface Window {
    lib: typeof lib;
    checks?: ConnectionReport[];
    publisher?: Publisher;
    viewer?: Viewer;
    seen?: Seen;
  }
}

/** Tries the way to this server; every report on the way is kept. */
async function check({ server = location.origin, ...options }: CheckOf = {}): Promise<ConnectionReport> {
  window.checks = [];
  const at = `${server.replace(/^http/, 'ws')}/ws`;
  return checkConnection({ ...options, url: at, onProgress: (report) => window.checks?.push(report) });
}

type CheckOf = Omit<CheckOptions, 'url' | 'onProgress'> & { server?: string };

const lib = { publish, repicture, watch, check, tones, voice, whep };
window.lib = lib;
