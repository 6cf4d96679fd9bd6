import type { Notice as StreamNotice } from '../../server/protocol/messages.ts';
import { sentence } from '../base/explain.ts';
import { Notice } from '../base/notice.tsx';
import type { PublisherState } from '../lib/publisher.ts';
import { explainEnd, explainFailure, isActive } from './describe.ts';
import type { LocalMediaState } from './local-media.ts';
import { explainProblem, type Problem } from './media-problem.ts';
import { shortfall } from './quality.ts';
import type { SettingsValues } from './settings.tsx';
import type { Told } from './studio.ts';
import { t } from './text.ts';

type Props = {
  state: PublisherState;
  trouble: boolean;
  /** What the server finds in the media. */
  found: readonly StreamNotice[];
  values: SettingsValues;
  localMedia: LocalMediaState;
  told: Told | undefined;
  onRetry(): void;
  onDismiss(problem: Problem): void;
};

export function Notices({ state, trouble, found, values, localMedia, told, onRetry, onDismiss }: Props) {
  const { problems, tracks } = localMedia;
  const less = tracks.camera && shortfall(tracks.camera, values.resolution);
  return (
    <div class="notices">
      <StateNotice state={state} stream={values.stream} />
      {problems.map((problem) => (
        <ProblemNotice
          key={problem.kind}
          problem={problem}
          live={isActive(state)}
          onRetry={onRetry}
          onDismiss={() => onDismiss(problem)}
        />
      ))}
      {told && <ToldNotice told={told} />}
      {trouble && (
        <Notice tone="busy" title={t('notice.trouble.title')}>
          {t('notice.trouble.text')}
        </Notice>
      )}
      {found.map(({ code, message }) => (
        <Notice key={code} tone="busy" title={titleOf(code)}>
          {sentence(message)}
        </Notice>
      ))}
      {less && <p class="hint">{t('notice.shortfall', { size: less })}</p>}
    </div>
  );
}

function titleOf(code: StreamNotice['code']): string {
  return t(code.startsWith('recording') ? 'notice.recording' : 'notice.disturbs');
}

function StateNotice({ state, stream }: { state: PublisherState; stream: string }) {
  if (state.name === 'reconnecting') {
    return (
      <Notice tone="busy" title={t('notice.lost.title')}>
        {t('notice.lost.text')}
      </Notice>
    );
  }
  const explanation =
    state.name === 'failed'
      ? explainFailure(state.error, stream)
      : state.name === 'ended' && explainEnd(state.reason);
  return explanation ? <Notice title={explanation.title}>{explanation.text}</Notice> : null;
}

/** What happened to a screen or a slate. */
function ToldNotice({ told }: { told: Told }) {
  switch (told.kind) {
    case 'screen-ended':
      return (
        <Notice tone="busy" title={t('notice.screenEnded.title')}>
          {t('notice.screenEnded.text')}
        </Notice>
      );
    case 'screen-refused':
      return (
        <Notice title={t('notice.screenRefused.title')}>
          {t('notice.screenRefused.text', { detail: told.detail })}
        </Notice>
      );
    case 'slate-refused':
      return (
        <Notice title={t('notice.slateRefused.title', { name: told.name })}>
          {t('notice.slateRefused.text')}
        </Notice>
      );
  }
}

type ProblemProps = { problem: Problem; live: boolean; onRetry(): void; onDismiss(): void };

function ProblemNotice({ problem, live, onRetry, onDismiss }: ProblemProps) {
  const { title, text } = explainProblem(problem);
  if (problem.kind === 'replaced') {
    return (
      <Notice tone="busy" title={title}>
        {text}
        <div>
          <button type="button" class="button" onClick={onDismiss}>
            {t('dismiss')}
          </button>
        </div>
      </Notice>
    );
  }
  return (
    <Notice title={title}>
      {text}
      {live && ` ${t('notice.without')}`}
      {problem.kind !== 'insecure' && (
        <div>
          <button type="button" class="button" onClick={onRetry}>
            {t('retry')}
          </button>
        </div>
      )}
    </Notice>
  );
}
