import { useEffect, useState } from 'preact/hooks';
import { signalUrl } from '../base/signal-url.ts';
import { type ConnectionReport, checkConnection } from '../lib/check.ts';
import { maxBitrateFor } from '../lib/codecs.ts';
import { advice, STEPS, stepWords } from './check-words.ts';
import type { SettingsValues } from './settings.tsx';
import { t } from './text.ts';

/** Tries, before anybody watches, whether it would work from here. */
export function CheckPanel({ values }: { values: SettingsValues }) {
  const [run, setRun] = useState(0);
  return (
    <section class="card check" aria-labelledby="check-title">
      <div class="value-head">
        <h2 id="check-title">{t('check.title')}</h2>
        <button id="check" type="button" class="button" onClick={() => setRun(run + 1)}>
          {t(run > 0 ? 'check.again' : 'check.start')}
        </button>
      </div>
      {run > 0 ? <Check key={run} values={values} /> : <p class="hint">{t('check.hint')}</p>}
    </section>
  );
}

function Check({ values }: { values: SettingsValues }) {
  const [report, setReport] = useState<ConnectionReport | undefined>();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    const access = { key: values.key || undefined, stream: values.stream || undefined };
    const options = { url: signalUrl(), ...access, signal: abort.signal, onProgress: setReport };
    void checkConnection(options).then((last) => {
      if (abort.signal.aborted) return;
      setReport(last);
      setOver(true);
    });
    return () => abort.abort();
  }, []);
  if (!report) return null;
  const needed = maxBitrateFor(values.resolution.height) * (values.simulcast ? 1.33 : 1);
  const verdict = over ? advice(report, needed, values.stream) : undefined;
  return (
    <>
      <ol id="check-steps" class="steps">
        {STEPS.map((step) => (
          <li key={step} data-step={step} data-state={report[step].state}>
            <span>{t(`check.${step}`)}</span>
            <span class="muted">{stepWords(step, report)}</span>
          </li>
        ))}
      </ol>
      <p id="check-verdict" role="status" class="light" data-light={verdict?.light}>
        <span>{verdict?.text ?? t('check.running')}</span>
      </p>
    </>
  );
}
