import { useEffect, useState } from 'preact/hooks';
import { PeopleIcon } from '../base/icons.tsx';
import { StatusLight } from '../base/status.tsx';
import type { PublisherState } from '../lib/publisher.ts';
import { describe, isActive } from './describe.ts';
import { formatElapsed } from './elapsed.ts';

type Props = {
  state: PublisherState;
  trouble: boolean;
  interrupted: boolean;
  viewers: number;
  liveSince: number | undefined;
  /** There is something to send. */
  ready: boolean;
  onStart(): void;
  onStop(): void;
};

export function ActionBar(props: Props) {
  const { state, trouble, interrupted, viewers, liveSince, ready, onStart, onStop } = props;
  const active = isActive(state);
  return (
    <div class="action-bar">
      <div class="facts">
        <StatusLight state={state.name} {...describe(state, { trouble, interrupted, ready })} />
        {active && liveSince !== undefined && (
          <>
            <Elapsed since={liveSince} />
            <span id="viewer-count" class="fact" title="Watching now">
              <PeopleIcon />
              {viewers}
              <span class="visually-hidden"> watching</span>
            </span>
          </>
        )}
      </div>
      {active ? (
        <button key="stop" id="stop" type="button" class="button danger large" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button
          key="start"
          id="start"
          type="button"
          class="button primary large"
          disabled={!ready}
          onClick={onStart}
        >
          Start
        </button>
      )}
    </div>
  );
}

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return (
    <span id="elapsed" class="fact" role="timer" aria-label="Live for">
      {formatElapsed(now - since)}
    </span>
  );
}
