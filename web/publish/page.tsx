import { useEffect, useState } from 'preact/hooks';
import { Notice } from '../base/notice.tsx';
import { useLasting, useLatest } from '../base/use-events.ts';
import { Facts, StartStop } from './action-bar.tsx';
import { CheckPanel } from './check.tsx';
import { Controls } from './controls.tsx';
import { isActive, isKeyRefused } from './describe.ts';
import { HealthPanel } from './health.tsx';
import type { LocalMediaState } from './local-media.ts';
import { LevelMeter } from './meter.tsx';
import { Notices } from './notices.tsx';
import { Preview } from './preview.tsx';
import { type Codec, offeredCodec, USUAL_CODECS } from './quality.ts';
import { RecordControl } from './record.tsx';
import { isLeft, type Resumable, remember } from './resumable.ts';
import { apply, goLive, initial, link, media, publisher, studio, unfinished } from './session.ts';
import { isStreamChoice, Settings, type SettingsValues } from './settings.tsx';
import { Share } from './share.tsx';
import type { StudioState } from './studio.ts';
import { t } from './text.ts';
import {
  useLeaveWarning,
  useRemembered,
  useStayAwake,
  useTabTitle,
  useTitleFollows,
  useTracksFollow,
} from './while-live.ts';

/** A connection that is back by then need not be spoken of. */
const HINT_AFTER = 3000;

const TELL_FOR = 6000;

export function PublishPage() {
  const [chosen, setValues] = useState(initial);
  const [keyNeeded, setKeyNeeded] = useState(false);
  const [codecs, setCodecs] = useState<readonly Codec[]>([...USUAL_CODECS, initial.codec]);
  const values = { ...chosen, codec: offeredCodec(chosen.codec, codecs) };
  const [liveSince, setLiveSince] = useState<number | undefined>();
  const [resuming, setResuming] = useState(unfinished !== undefined);
  const state = useLatest(publisher, 'state', publisher.state);
  const trouble = useLatest(publisher, 'trouble', publisher.trouble);
  const interrupted = useLasting(useLatest(publisher, 'interrupted', publisher.interrupted), HINT_AFTER);
  const viewers = useLatest(publisher, 'viewers', publisher.viewers);
  const found = useLatest(publisher, 'notices', publisher.notices);
  const localMedia = useLatest(media, 'state', media.state);
  const scene = useLatest(studio, 'state', studio.state);
  const active = isActive(state);
  const ready = isReady(values, localMedia, scene);
  const { microphone } = localMedia.tracks;

  useEffect(() => {
    void media.open().then(() => (unfinished ? resume(unfinished) : undefined));
    // If it fails, it will be told when it matters: at Start.
    publisher.prepare().then(
      (server) => {
        setKeyNeeded(server.keyNeeded);
        setCodecs(server.videoCodecs);
      },
      () => {},
    );
  }, []);
  useRemembered(state, {
    ...{ liveSince, camera: values.camera, microphone: values.microphone },
    ...{ muted: scene.muted, cameraOff: scene.cameraOff },
  });
  useTracksFollow(publisher, scene.outputs);
  useTitleFollows(publisher, values.title);
  useTabTitle(active, scene.muted && microphone !== undefined);
  useLeaveWarning(active);
  useStayAwake(active);
  useEffect(() => {
    if (!active) studio.rest();
  }, [active]);

  const change = (change: Partial<SettingsValues>) => {
    setValues((values) => ({ ...values, ...change }));
    apply(change);
  };
  const live = async (since: number | undefined, secret?: string) => {
    setLiveSince(since);
    const stream = await goLive(values, secret);
    if (stream === undefined) return;
    setLiveSince(since ?? Date.now());
    setValues((values) => ({ ...values, stream }));
  };
  const resume = async ({ stream, liveSince, session, cameraOff }: Resumable) => {
    if (!(await isLeft(stream))) {
      remember(undefined);
      setResuming(false);
      return;
    }
    const { camera, microphone } = media.state.tracks;
    // Without a picture or sound it is for the user to decide.
    if (camera || microphone || cameraOff) await live(liveSince, session);
    // It takes less than a second mostly: too short to be read.
    setTimeout(() => setResuming(false), TELL_FOR);
  };

  return (
    <main class="publish">
      <h1 class="visually-hidden">{t('page.heading')}</h1>
      <div class="publish-main">
        <Preview studio={scene} opening={localMedia.opening} microphone={microphone !== undefined} />
        <LevelMeter track={scene.outputs.audio} />
        <div class="deck">
          <Facts {...{ state, trouble, interrupted, viewers, liveSince, ready }} />
          <div class="deck-row">
            <Controls
              studio={studio}
              state={scene}
              microphone={microphone !== undefined}
              camera={localMedia.tracks.camera !== undefined || scene.cameraOff}
            />
            <StartStop
              {...{ active, ready }}
              onStart={() => void live(undefined)}
              onStop={() => publisher.stop()}
            />
          </div>
        </div>
        {state.name === 'live' && <RecordControl stream={state.published.stream} publishKey={values.key} />}
        {resuming && state.name !== 'ended' && state.name !== 'failed' && (
          <Notice tone="busy" title={t('notice.resuming.title', { stream: values.stream })}>
            {t('notice.resuming.text')}
          </Notice>
        )}
        <Notices
          {...{ state, trouble, found, values, localMedia }}
          told={scene.told}
          onRetry={() => void media.open()}
          onDismiss={(problem) => media.dismiss(problem)}
          onDismissTold={() => studio.dismiss()}
        />
        {active ? <HealthPanel publisher={publisher} viewers={viewers} /> : <CheckPanel values={values} />}
      </div>
      <div class="publish-side">
        {'published' in state && <Share {...state.published} />}
        <Settings
          {...{ values, localMedia, active, codecs }}
          streamFixed={link.stream !== undefined}
          keyAsked={keyNeeded || isKeyRefused(state)}
          onChange={change}
        />
      </div>
    </main>
  );
}

function isReady(
  { stream }: SettingsValues,
  { opening }: LocalMediaState,
  { outputs }: StudioState,
): boolean {
  return !opening && Boolean(outputs.video || outputs.audio) && isStreamChoice(stream);
}
