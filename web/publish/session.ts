/** What the page works with: its publisher, devices and studio, and what was chosen the last time. */
import { rememberKey } from '../base/key.ts';
import { signalUrl } from '../base/signal-url.ts';
import { local } from '../base/storage.ts';
import { Publisher } from '../lib/publisher.ts';
import { takePublishLink } from './link.ts';
import { LocalMedia } from './local-media.ts';
import { codecOf, resolutionOf, videoSettings } from './quality.ts';
import { resumable } from './resumable.ts';
import type { SettingsValues } from './settings.tsx';
import { Studio } from './studio.ts';
import { t } from './text.ts';

export const link = takePublishLink();
const left = resumable();
/** What to go on with by itself. */
export const unfinished = left && (link.stream ?? left.stream) === left.stream ? left : undefined;

export const initial: SettingsValues = {
  camera: unfinished?.camera ?? '',
  microphone: unfinished?.microphone ?? '',
  resolution: resolutionOf(local.get('resolution')),
  codec: codecOf(local.get('codec')),
  music: local.get('music') === 'on',
  simulcast: local.get('simulcast') !== 'off',
  title: local.get('title') ?? '',
  stream: link.stream ?? unfinished?.stream ?? local.get('stream') ?? '',
  key: link.key ?? '',
};

export const publisher = new Publisher({ url: signalUrl() });
export const media = new LocalMedia(initial);
export const studio = new Studio({
  media,
  resolution: initial.resolution,
  // Who was not to be heard or seen is not, either, after a reload.
  muted: unfinished?.muted ?? false,
  cameraOff: unfinished?.cameraOff ?? false,
  card: () => [local.get('title') || t('card.text'), local.get('title') ? t('card.text') : ''],
});
window.pharos = publisher;

/** Brings a change to where it works. */
export function apply(change: Partial<SettingsValues>): void {
  const { camera, microphone, resolution, codec, music, simulcast, title } = change;
  if (camera !== undefined) void media.choose('camera', camera);
  if (microphone !== undefined) void media.choose('microphone', microphone);
  if (resolution) {
    local.set('resolution', resolution.value);
    void media.resize(resolution);
    studio.resize(resolution);
  }
  if (codec) local.set('codec', codec);
  if (music !== undefined) {
    local.set('music', music ? 'on' : undefined);
    void media.setMusic(music);
  }
  if (simulcast !== undefined) local.set('simulcast', simulcast ? undefined : 'off');
  if (title !== undefined) {
    local.set('title', title);
    studio.retitle();
  }
}

/** The stream id, or undefined if it could not go live: the state then says why. */
export async function goLive(
  { stream, key, codec, resolution, music, simulcast, title }: SettingsValues,
  resume: string | undefined,
): Promise<string | undefined> {
  publisher.key = key || undefined;
  const { video, audio } = await studio.begin();
  try {
    const published = await publisher.publish({
      stream: stream || undefined,
      resume,
      title: title.trim() || undefined,
      videoTrack: video,
      audioTrack: audio,
      video: { ...videoSettings(codec, resolution), simulcast },
      audio: { stereo: music },
    });
    if (link.stream === undefined) local.set('stream', published.stream);
    rememberKey(link.keyName, key);
    return published.stream;
  } catch {
    return undefined;
  }
}
