import { useEffect } from 'preact/hooks';
import type { Publisher } from '../lib/publisher.ts';
import type { PublisherState } from '../lib/publisher-facts.ts';
import { hold, type Resumable, remember } from './resumable.ts';
import type { StudioState } from './studio.ts';
import { t } from './text.ts';

/** Another source chosen, or one unplugged, while live: the stream follows. */
export function useTracksFollow(publisher: Publisher, { video, audio }: StudioState['outputs']): void {
  useEffect(() => {
    // A track that cannot be replaced has ended in the meantime, and another is on its way here.
    publisher.replaceTrack('video', video ?? null).catch(() => {});
  }, [publisher, video]);
  useEffect(() => {
    publisher.replaceTrack('audio', audio ?? null).catch(() => {});
  }, [publisher, audio]);
}

/** Nobody wants to read along as it is typed. */
const TITLE_AFTER = 700;

export function useTitleFollows(publisher: Publisher, title: string): void {
  useEffect(() => {
    // What cannot be told now is told when the connection is back.
    const timer = setTimeout(() => publisher.setTitle(title.trim()).catch(() => {}), TITLE_AFTER);
    return () => clearTimeout(timer);
  }, [publisher, title]);
}

/** Who presents looks at another tab: what matters is seen there too. */
export function useTabTitle(live: boolean, muted: boolean): void {
  useEffect(() => {
    const title = t(live ? 'page.live' : 'page.title');
    document.title = muted ? t('page.muted', { title }) : title;
  }, [live, muted]);
}

/** Asks before the page is left. */
export function useLeaveWarning(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [active]);
}

/** A phone that locks its screen stops its camera. */
export function useStayAwake(active: boolean): void {
  useEffect(() => {
    if (!active || !('wakeLock' in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let over = false;
    const acquire = async () => {
      if (document.visibilityState !== 'visible') return;
      lock = await navigator.wakeLock.request('screen').catch(() => undefined);
      if (over) void lock?.release();
    };
    void acquire();
    // It is lost whenever the page is hidden.
    document.addEventListener('visibilitychange', acquire);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', acquire);
      void lock?.release();
    };
  }, [active]);
}

const REMEMBER_EVERY = 2000;

type Remembered = Pick<Resumable, 'camera' | 'microphone' | 'muted' | 'cameraOff'> & {
  liveSince: number | undefined;
};

/** While live, and until it is stopped, what a reload of the page goes on with is kept up to date. */
export function useRemembered(state: PublisherState, { liveSince, ...chosen }: Remembered): void {
  const { camera, microphone, muted, cameraOff } = chosen;
  const published = 'published' in state ? state.published : undefined;
  const over = state.name === 'ended' || state.name === 'failed';
  useEffect(() => {
    if (over) remember(undefined);
    if (!published) return;
    const { stream, session, grace } = published;
    const letGo = hold(stream);
    const now = () => {
      const at = Date.now();
      const devices = { camera, microphone, muted, cameraOff };
      remember({ stream, session, grace, at, liveSince: liveSince ?? at, ...devices });
    };
    now();
    // A page that crashes has no time to say when.
    const timer = setInterval(now, REMEMBER_EVERY);
    addEventListener('pagehide', now);
    return () => {
      letGo();
      clearInterval(timer);
      removeEventListener('pagehide', now);
    };
  }, [published, over, liveSince, camera, microphone, muted, cameraOff]);
}
