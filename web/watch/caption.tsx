import { PeopleIcon } from '../base/icons.tsx';
import { StatusLight } from '../base/status.tsx';
import { useLasting, useLatest } from '../base/use-events.ts';
import type { Viewer } from '../lib/viewer.ts';
import { describe } from '../player/describe.ts';
import { t } from '../player/text.ts';

/** A connection that is back by then need not be spoken of. */
const HINT_AFTER = 3000;

type Props = {
  viewer: Viewer;
  /** '' while none is chosen, undefined if what was given cannot be one. */
  identifier: string | undefined;
};

/** What is watched, how that goes, and who else does. */
export function Caption({ viewer, identifier }: Props) {
  const state = useLatest(viewer, 'state', viewer.state);
  const trouble = useLatest(viewer, 'trouble', viewer.trouble);
  const interrupted = useLasting(useLatest(viewer, 'interrupted', viewer.interrupted), HINT_AFTER);
  const viewers = useLatest(viewer, 'viewers', viewer.viewers);
  const title = useLatest(viewer, 'title', viewer.title);
  return (
    <div class="caption">
      {identifier && <StatusLight state={state.name} {...describe(state, { trouble, interrupted })} />}
      {identifier === undefined && <StatusLight state="failed" tone="bad" text={t('state.missing')} />}
      {identifier && title && (
        <span id="title" class="stream-title">
          {title}
        </span>
      )}
      <span class="identifier" title={t('identifier')}>
        {identifier}
      </span>
      <span id="viewer-count" class="viewers" title={t('viewers')} data-shown={state.name === 'live'}>
        <PeopleIcon />
        {viewers}
        <span class="visually-hidden">{t('viewers.unit')}</span>
      </span>
    </div>
  );
}
