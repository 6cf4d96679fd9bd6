import { useEffect, useState } from 'preact/hooks';
import { rememberKey } from '../base/key.ts';
import { Notice } from '../base/notice.tsx';
import { signalUrl } from '../base/signal-url.ts';
import { local } from '../base/storage.ts';
import { useLasting, useLatest } from '../base/use-events.ts';
import { Publisher } from '../lib/publisher.ts';
import { ActionBar } from './action-bar.tsx';
import { isActive, isKeyRefused } from './describe.ts';
import { takePublishLink } from './link.ts';
import { LocalMedia, type LocalMediaState } from './local-media.ts';
import { LevelMeter } from './meter.tsx';
import { Notices } from './notices.tsx';
import { Preview } from './preview.tsx';
import { codecOf, resolutionOf, videoSettings } from './quality.ts';
import { RecordControl } from './record.tsx';
import { isLeft, type Resumable, remember, resumable } from './resumable.ts';
import { isStreamChoice, Settings, type SettingsValues } from './settings.tsx';
import { Share } from './share.tsx';
import { useLeaveWarning, useRemembered, useStayAwake, useTracksFollow } from './while-live.ts';

/** A connection that is back by then need not be spoken of. */
const HINT_AFTER = 3000;

const TELL_FOR = 6000;

const link = takePublishLink();
const left = resumable();
/** What to go on with by itself. */
const unfinished = left && (link.stream ?? left.stream) === left.stream ? left : undefined;
const initial: SettingsValues = {
  camera: unfinished?.camera ?? '',
  microphone: unfinished?.microphone ?? '',
  resolution: resolutionOf(local.get('resolution')),
  codec: codecOf(local.get('codec')),
  stream: link.stream ?? unfinished?.stream ?? local.get('stream') ?? '',
  key: link.key ?? '',
};
const publisher = new Publisher({ url: signalUrl() });
const media = new LocalMedia(initial.resolution, initial);
window.pharos = publisher;

export function PublishPage() {
  const [values, setValues] = useState(initial);
  const [keyNeeded, setKeyNeeded] = useState(false);
  const [liveSince, setLiveSince] = useState<number | undefined>();
  const [resuming, setResuming] = useState(unfinished !== undefined);
  const state = useLatest(publisher, 'state', publisher.state);
  const trouble = useLatest(publisher, 'trouble', publisher.trouble);
  const interrupted = useLasting(useLatest(publisher, 'interrupted', publisher.interrupted), HINT_AFTER);
  const viewers = useLatest(publisher, 'viewers', publisher.viewers);
  const found = useLatest(publisher, 'notices', publisher.notices);
  const localMedia = useLatest(media, 'state', media.state);
  const active = isActive(state);

  useEffect(() => {
    void media.open().then(() => (unfinished ? resume(unfinished) : undefined));
    // If it fails, it will be told when it matters: at Start.
    publisher.prepare().then(
      (server) => setKeyNeeded(server.keyNeeded),
      () => {},
    );
  }, []);
  useRemembered(state, { liveSince, camera: values.camera, microphone: values.microphone });
  useTracksFollow(publisher, localMedia);
  useLeaveWarning(active);
  useStayAwake(active);

  const change = (change: Partial<SettingsValues>) => {
    setValues((values) => ({ ...values, ...change }));
    applyChange(change);
  };
  const live = async (since: number | undefined, secret?: string) => {
    setLiveSince(since);
    const stream = await goLive(values, secret);
    if (stream === undefined) return;
    setLiveSince(since ?? Date.now());
    setValues((values) => ({ ...values, stream }));
  };
  const resume = async ({ stream, liveSince, session }: Resumable) => {
    if (!(await isLeft(stream))) {
      remember(undefined);
      setResuming(false);
      return;
    }
    const { camera, microphone } = media.state.tracks;
    // Without a picture or sound it is for the user to decide.
    if (camera || microphone) await live(liveSince, session);
    // It takes less than a second mostly: too short to be read.
    setTimeout(() => setResuming(false), TELL_FOR);
  };

  return (
    <main class="publish">
      <h1 class="visually-hidden">Publish a stream</h1>
      <div class="publish-main">
        <Preview track={localMedia.tracks.camera} opening={localMedia.opening} />
        <LevelMeter track={localMedia.tracks.microphone} />
        <ActionBar
          {...{ state, trouble, interrupted, viewers, liveSince }}
          ready={isReady(values, localMedia)}
          onStart={() => void live(undefined)}
          onStop={() => publisher.stop()}
        />
        {state.name === 'live' && <RecordControl stream={state.published.stream} publishKey={values.key} />}
        {resuming && state.name !== 'ended' && state.name !== 'failed' && (
          <Notice tone="busy" title={`Going on with your stream “${values.stream}”`}>
            It was live when this page was left. Your viewers are still there.
          </Notice>
        )}
        <Notices {...{ state, trouble, found, values, localMedia }} onRetry={() => void media.open()} />
      </div>
      <div class="publish-side">
        {'published' in state && <Share {...state.published} />}
        <Settings
          {...{ values, localMedia, active }}
          streamFixed={link.stream !== undefined}
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
async function goLive(
  { stream, key, codec, resolution }: SettingsValues,
  resume: string | undefined,
): Promise<string | undefined> {
  publisher.key = key || undefined;
  try {
    const published = await publisher.publish({
      stream: stream || undefined,
      resume,
      videoTrack: media.state.tracks.camera,
      audioTrack: media.state.tracks.microphone,
      video: videoSettings(codec, resolution),
    });
    if (link.stream === undefined) local.set('stream', published.stream);
    rememberKey(link.keyName, key);
    return published.stream;
  } catch {
    return undefined;
  }
}
