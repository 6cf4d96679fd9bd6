import type { Notice as StreamNotice } from '../../server/protocol/messages.ts';
import { sentence } from '../base/explain.ts';
import { Notice } from '../base/notice.tsx';
import type { PublisherState } from '../lib/publisher.ts';
import { explainEnd, explainFailure, isActive } from './describe.ts';
import type { LocalMediaState } from './local-media.ts';
import { explainProblem, type Problem } from './media-problem.ts';
import { shortfall } from './quality.ts';
import type { SettingsValues } from './settings.tsx';

type Props = {
  state: PublisherState;
  trouble: boolean;
  /** What the server finds in the media. */
  found: readonly StreamNotice[];
  values: SettingsValues;
  localMedia: LocalMediaState;
  onRetry(): void;
};

export function Notices({ state, trouble, found, values, localMedia, onRetry }: Props) {
  const { problems, tracks } = localMedia;
  const less = tracks.camera && shortfall(tracks.camera, values.resolution);
  return (
    <div class="notices">
      <StateNotice state={state} stream={values.stream} />
      {problems.map((problem) => (
        <ProblemNotice key={problem.kind} problem={problem} live={isActive(state)} onRetry={onRetry} />
      ))}
      {trouble && (
        <Notice tone="busy" title="Video and sound are not getting through">
          The connection between this browser and the server is being checked. Viewers may see a still
          picture.
        </Notice>
      )}
      {found.map(({ code, message }) => (
        <Notice key={code} tone="busy" title={titleOf(code)}>
          {sentence(message)}
        </Notice>
      ))}
      {less && <p class="hint">This camera gives {less} at most; that is what viewers will see.</p>}
    </div>
  );
}

function titleOf(code: StreamNotice['code']): string {
  return code.startsWith('recording') ? 'The recording' : 'This disturbs your viewers';
}

function StateNotice({ state, stream }: { state: PublisherState; stream: string }) {
  if (state.name === 'reconnecting') {
    return (
      <Notice tone="busy" title="The connection was lost">
        Trying again by itself. Keep this page open; the link stays the same.
      </Notice>
    );
  }
  const explanation =
    state.name === 'failed'
      ? explainFailure(state.error, stream)
      : state.name === 'ended' && explainEnd(state.reason);
  return explanation ? <Notice title={explanation.title}>{explanation.text}</Notice> : null;
}

function ProblemNotice({ problem, live, onRetry }: { problem: Problem; live: boolean; onRetry(): void }) {
  const { title, text } = explainProblem(problem);
  return (
    <Notice title={title}>
      {text}
      {live && ' The stream goes on without it.'}
      {problem.kind !== 'insecure' && (
        <div>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
    </Notice>
  );
}
