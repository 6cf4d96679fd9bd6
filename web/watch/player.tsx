import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { PeopleIcon } from '../base/icons.tsx';
import { StatusLight } from '../base/status.tsx';
import { useLasting, useLatest } from '../base/use-events.ts';
import type { Viewer } from '../lib/viewer.ts';
import { Controls } from './controls.tsx';
import { describe, messageFor } from './describe.ts';
import { useFullscreen } from './fullscreen.ts';
import { join } from './join.ts';
import { Overlay } from './overlay.tsx';
import { useShortcuts } from './shortcuts.ts';
import { useIdle } from './use-idle.ts';
import { usePlayback } from './use-playback.ts';

/** A connection that is back by then need not be spoken of. */
const HINT_AFTER = 3000;

type Props = {
  viewer: Viewer;
  /** '' while none is chosen, undefined if what was given cannot be one. */
  identifier: string | undefined;
  /** Stands in for the picture as long as none is chosen. */
  chooser: ComponentChildren;
};

export function Player({ viewer, identifier, chooser }: Props) {
  const stage = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const state = useLatest(viewer, 'state', viewer.state);
  const trouble = useLatest(viewer, 'trouble', viewer.trouble);
  const interrupted = useLasting(useLatest(viewer, 'interrupted', viewer.interrupted), HINT_AFTER);
  const viewers = useLatest(viewer, 'viewers', viewer.viewers);
  const unplayable = useLatest(viewer, 'unplayable', []);
  const { playback, playbackState, showing } = usePlayback(viewer, video, state);
  const fullscreen = useFullscreen(stage, video);
  const idle = useIdle(stage, showing && !playbackState.paused);
  useShortcuts({
    ' ': () => playback?.togglePaused(),
    k: () => playback?.togglePaused(),
    m: () => playback?.toggleMuted(),
    f: fullscreen.toggle,
  });
  const message = identifier ? messageFor(state, identifier) : undefined;
  const leave = () => {
    fullscreen.leave();
    viewer.stop();
  };

  return (
    <main class="watch">
      <h1 class="visually-hidden">{identifier ? `Stream ${identifier}` : 'Watch'}</h1>
      <div class="stage" ref={stage} data-idle={idle} data-fullscreen={fullscreen.on}>
        {/* biome-ignore lint/a11y/useMediaCaption: a live stream from the publisher's camera brings none along */}
        <video id="player" ref={video} data-state={state.name} playsInline aria-label="The stream" />
        {chooser || (
          <Overlay
            {...{ state, trouble, message, showing, unplayable }}
            playback={playbackState}
            onPlay={() => void playback?.play()}
            onUnmute={() => playback?.setMuted(false)}
            onAgain={() => identifier && join(viewer, identifier)}
            onPrepare={() => viewer.prepare()}
          />
        )}
        {playback && showing && (
          <Controls {...{ playback, fullscreen, video }} state={playbackState} onLeave={leave} />
        )}
      </div>
      <div class="caption">
        {identifier && <StatusLight state={state.name} {...describe(state, { trouble, interrupted })} />}
        {identifier === undefined && <StatusLight state="failed" tone="bad" text="Not found" />}
        <span class="identifier" title="Stream identifier">
          {identifier}
        </span>
        <span id="viewer-count" class="viewers" title="Watching now" data-shown={state.name === 'live'}>
          <PeopleIcon />
          {viewers}
          <span class="visually-hidden"> watching</span>
        </span>
      </div>
    </main>
  );
}
