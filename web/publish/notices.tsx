import type { Notice as StreamNotice } from '../../server/protocol/messages.ts';
import { sentence } from '../base/explain.ts';
import { Notice } from '../base/notice.tsx';
import type { PublisherState } from '../lib/publisher-facts.ts';
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
  onDismissTold(): void;
};

export function Notices(props: Props) {
  const { state, trouble, found, values, localMedia, told, onRetry, onDismiss, onDismissTold } = props;
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
      {told && <ToldNotice told={told} onDismiss={onDismissTold} />}
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
function ToldNotice({ told, onDismiss }: { told: Told; onDismiss(): void }) {
  const { tone, title, text } = explainTold(told);
  return (
    <Notice tone={tone} title={title}>
      {text}
      <Dismiss onDismiss={onDismiss} />
    </Notice>
  );
}

function explainTold(told: Told): { tone: 'bad' | 'busy'; title: string; text: string } {
  switch (told.kind) {
    case 'screen-ended':
      return {
        tone: 'busy',
        title: t('notice.screenEnded.title'),
        text: t('notice.screenEnded.text'),
      };
    case 'screen-refused':
      return {
        tone: 'bad',
        title: t('notice.screenRefused.title'),
        text: t('notice.screenRefused.text', { detail: told.detail }),
      };
    case 'slate-refused':
      return {
        tone: 'bad',
        title: t('notice.slateRefused.title', { name: told.name }),
        text: t('notice.slateRefused.text'),
      };
  }
}

function Dismiss({ onDismiss }: { onDismiss(): void }) {
  return (
    <div>
      <button type="button" class="button" onClick={onDismiss}>
        {t('dismiss')}
      </button>
    </div>
  );
}

type ProblemProps = { problem: Problem; live: boolean; onRetry(): void; onDismiss(): void };

function ProblemNotice({ problem, live, onRetry, onDismiss }: ProblemProps) {
  const { title, text } = explainProblem(problem);
  if (problem.kind === 'replaced') {
    return (
      <Notice tone="busy" title={title}>
        {text}
        <Dismiss onDismiss={onDismiss} />
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
