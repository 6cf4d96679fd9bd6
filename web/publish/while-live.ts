import { useEffect } from 'preact/hooks';
import type { Publisher } from '../lib/publisher.ts';
import type { LocalMediaState } from './local-media.ts';

/** Another camera or microphone chosen, or one unplugged, while live: the stream follows. */
export function useTracksFollow(publisher: Publisher, { tracks }: LocalMediaState): void {
  const { camera, microphone } = tracks;
  useEffect(() => {
    // A track that cannot be replaced has ended in the meantime, and another is on its way here.
    publisher.replaceTrack('video', camera ?? null).catch(() => {});
  }, [publisher, camera]);
  useEffect(() => {
    publisher.replaceTrack('audio', microphone ?? null).catch(() => {});
  }, [publisher, microphone]);
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
