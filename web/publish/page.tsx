import { useEffect, useState } from 'preact/hooks';
import { rememberKey, takeKey } from '../base/key.ts';
import { signalUrl } from '../base/signal-url.ts';
import { local } from '../base/storage.ts';
import { useLatest } from '../base/use-events.ts';
import { Publisher } from '../lib/publisher.ts';
import { ActionBar } from './action-bar.tsx';
import { isActive, isKeyRefused } from './describe.ts';

import { LocalMedia, type LocalMediaState } from './local-media.ts';
import { LevelMeter } from './meter.tsx';
import { Notices } from './notices.tsx';
import { Preview } from './preview.tsx';
import { codecOf, resolutionOf, videoSettings } from './quality.ts';
import { RecordControl } from './record.tsx';
import { isStreamChoice, Settings, type SettingsValues } from './settings.tsx';
import { Share } from './share.tsx';
import { useLeaveWarning, useStayAwake, useTracksFollow } from './while-live.ts';

const initial: SettingsValues = {
  camera: '',
  microphone: '',
  resolution: resolutionOf(local.get('resolution')),
  codec: codecOf(local.get('codec')),
  stream: local.get('stream') ?? '',
  key: takeKey('key') ?? '',
};
const publisher = new Publisher({ url: signalUrl() });
const media = new LocalMedia(initial.resolution);
window.pharos = publisher;

export function PublishPage() {
  const [values, setValues] = useState(initial);
  const [keyNeeded, setKeyNeeded] = useState(false);
  const [liveSince, setLiveSince] = useState<number | undefined>();
  const state = useLatest(publisher, 'state', publisher.state);
  const trouble = useLatest(publisher, 'trouble', publisher.trouble);
  const viewers = useLatest(publisher, 'viewers', publisher.viewers);
  const found = useLatest(publisher, 'notices', publisher.notices);
  const localMedia = useLatest(media, 'state', media.state);
  const active = isActive(state);

  useEffect(() => {
    void media.open();
    // If it fails, it will be told when it matters: at Start.
    publisher.prepare().then(
      (server) => setKeyNeeded(server.keyNeeded),
      () => {},
    );
  }, []);
  useTracksFollow(publisher, localMedia);
  useLeaveWarning(active);
  useStayAwake(active);

  const change = (change: Partial<SettingsValues>) => {
    setValues((values) => ({ ...values, ...change }));
    applyChange(change);
  };
  const start = async () => {
    setLiveSince(undefined);
    const stream = await goLive(values);
    if (stream === undefined) return;
    setLiveSince(Date.now());
    setValues((values) => ({ ...values, stream }));
  };

  return (
    <main class="publish">
      <h1 class="visually-hidden">Publish a stream</h1>
      <div class="publish-main">
        <Preview track={localMedia.tracks.camera} opening={localMedia.opening} />
        <LevelMeter track={localMedia.tracks.microphone} />
        <ActionBar
          {...{ state, trouble, viewers, liveSince }}
          ready={isReady(values, localMedia)}
          onStart={() => void start()}
          onStop={() => publisher.stop()}
        />
        {state.name === 'live' && <RecordControl stream={state.published.stream} publishKey={values.key} />}
        <Notices {...{ state, trouble, found, values, localMedia }} onRetry={() => void media.open()} />
      </div>
      <div class="publish-side">
        {'published' in state && <Share {...state.published} />}
        <Settings
          {...{ values, localMedia, active }}
          keyAsked={keyNeeded || isKeyRefused(state)}
          onChange={change}
        />
      </div>
    </main>
  );
}

function isReady({ stream }: SettingsValues, { opening, tracks }: LocalMediaState): boolean {
  return !opening && Boolean(tracks.camera || tracks.microphone) && isStreamChoice(stream);
}

function applyChange({ camera, microphone, resolution, codec }: Partial<SettingsValues>): void {
  if (camera !== undefined) void media.choose('camera', camera);
  if (microphone !== undefined) void media.choose('microphone', microphone);
  if (resolution) {
    local.set('resolution', resolution.value);
    void media.resize(resolution);
  }
  if (codec) local.set('codec', codec);
}

/** The stream id, or undefined if it could not go live: the state then says why. */
async function goLive({ stream, key, codec, resolution }: SettingsValues): Promise<string | undefined> {
  publisher.key = key || undefined;
  try {
    const published = await publisher.publish({
      stream: stream || undefined,
      videoTrack: media.state.tracks.camera,
      audioTrack: media.state.tracks.microphone,
      video: videoSettings(codec, resolution),
    });
    local.set('stream', published.stream);
    rememberKey('key', key);
    return published.stream;
  } catch {
    return undefined;
  }
}
