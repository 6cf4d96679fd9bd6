import { useEffect, useState } from 'preact/hooks';
import { Emitter } from '../lib/emitter.ts';
import { t } from './text.ts';

type Outcome = { ok: boolean; text: string };

class Outcomes extends Emitter<{ told: Outcome }> {
  tell(outcome: Outcome): void {
    this.emit('told', outcome);
  }
}

const outcomes = new Outcomes();
const SHOWN_MS = 8000;

/** Does it, and tells at the foot of the page what came of it. @returns whether it was done. */
export async function tellOutcome(run: () => Promise<string>): Promise<boolean> {
  try {
    outcomes.tell({ ok: true, text: await run() });
    return true;
  } catch (error) {
    outcomes.tell({ ok: false, text: error instanceof Error ? error.message : String(error) });
    return false;
  }
}

/** What was done, read out; a failure stays until it is put away. */
export function OutcomeBar() {
  const [outcome, setOutcome] = useState<Outcome | undefined>();
  useEffect(() => outcomes.on('told', setOutcome), []);
  useEffect(() => {
    if (!outcome?.ok) return;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <div class="outcome" id="outcome" role="status" data-ok={outcome?.ok}>
      {outcome && (
        <p>
          <span>{outcome.ok ? outcome.text : t('failed', { reason: outcome.text })}</span>
          <button type="button" class="button small-button" onClick={() => setOutcome(undefined)}>
            {t('dismiss')}
          </button>
        </p>
      )}
    </div>
  );
}
