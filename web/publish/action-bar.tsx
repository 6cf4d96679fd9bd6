import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { PeopleIcon } from '../base/icons.tsx';
import { StatusLight } from '../base/status.tsx';
import type { PublisherState } from '../lib/publisher-facts.ts';
import { describe, isActive } from './describe.ts';
import { formatElapsed } from './elapsed.ts';
import { t } from './text.ts';

type FactsProps = {
  state: PublisherState;
  trouble: boolean;
  interrupted: boolean;
  viewers: number;
  liveSince: number | undefined;
  /** There is something to send. */
  ready: boolean;
};

export function Facts({ state, trouble, interrupted, viewers, liveSince, ready }: FactsProps) {
  return (
    <div class="facts">
      <StatusLight state={state.name} {...describe(state, { trouble, interrupted, ready })} />
      {isActive(state) && liveSince !== undefined && (
        <>
          <Elapsed since={liveSince} />
          <span id="viewer-count" class="fact" title={t('fact.watching')}>
            <PeopleIcon />
            {viewers}
            <span class="visually-hidden">{t('fact.watchingUnit')}</span>
          </span>
        </>
      )}
    </div>
  );
}

type StartStopProps = { active: boolean; ready: boolean; onStart(): void; onStop(): void };

export function StartStop({ active, ready, onStart, onStop }: StartStopProps) {
  const button = useRef<HTMLButtonElement>(null);
  const byKeyboard = useRef(false);
  // The button that was pressed has gone, and the focus with it: the next Tab would begin at the top of the page.
  useLayoutEffect(() => {
    if (byKeyboard.current && document.activeElement === document.body) button.current?.focus();
  }, [active]);
  const pressed = (action: () => void) => (event: MouseEvent) => {
    // No click of a pointer. Whoever uses one is not to stop by the space bar what was started by the mouse.
    byKeyboard.current = event.detail === 0;
    action();
  };
  return active ? (
    <button
      key="stop"
      ref={button}
      id="stop"
      type="button"
      class="button danger large"
      onClick={pressed(onStop)}
    >
      {t('stop')}
    </button>
  ) : (
    <button
      key="start"
      ref={button}
      id="start"
      type="button"
      class="button primary large"
      disabled={!ready}
      onClick={pressed(onStart)}
    >
      {t('start')}
    </button>
  );
}

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <span id="elapsed" class="fact" role="timer" aria-label={t('fact.liveFor')}>
      {formatElapsed(now - since)}
    </span>
  );
}
