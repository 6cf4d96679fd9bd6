import { useEffect, useState } from 'preact/hooks';
import type { ViewerDiagnosis } from '../lib/diagnosis.ts';
import type { ReceivingStats } from '../lib/receiving-stats.ts';
import type { Viewer } from '../lib/viewer.ts';
import { CloseIcon } from './icons.tsx';
import { t } from './text.ts';

/** Long enough to be read twice, in ms. */
const SHOWN_FOR = 15_000;

/** What troubles the stream, in plain words: each thing once, for a while, or until it is waved away. */
export function Hint({ viewer, quiet }: { viewer: Viewer; quiet: boolean }) {
  const [hint, setHint] = useState<string>();
  useEffect(() => {
    const told = new Set<ViewerDiagnosis>();
    let stats: ReceivingStats | undefined;
    const offs = [
      viewer.on('stats', (latest) => {
        stats = latest;
      }),
      viewer.on('diagnosis', (diagnosis) => {
        const text = wordsFor(diagnosis, stats, viewer.layers !== undefined);
        if (!text || told.has(diagnosis)) return;
        told.add(diagnosis);
        setHint(text);
      }),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, [viewer]);
  useEffect(() => {
    if (!hint) return;
    const timer = setTimeout(() => setHint(undefined), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [hint]);
  return (
    <div class="hint-place" role="status">
      {hint && !quiet && (
        <div id="hint" class="hint-card">
          <p>{hint}</p>
          <button
            id="hint-close"
            type="button"
            class="control small"
            aria-label={t('hint.close')}
            title={t('hint.close')}
            onClick={() => setHint(undefined)}
          >
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}

/** @param sizes Whether there are others than the picture that was too much, which is the one that comes still. */
function wordsFor(
  diagnosis: ViewerDiagnosis,
  stats: ReceivingStats | undefined,
  sizes: boolean,
): string | undefined {
  switch (diagnosis) {
    case 'ok':
      return undefined;
    case 'slow_decoder':
      return stats && sizes && stats.height > 0
        ? t('hint.decoder.down', { height: stats.height })
        : t('hint.decoder');
    case 'udp_blocked':
      return t(stats?.path === 'relay' ? 'hint.relay' : 'hint.udp');
    case 'weak_upload':
      return t('hint.upload');
    case 'publisher_cpu':
      return t('hint.publisher');
    case 'weak_downlink':
      return t('hint.downlink');
  }
}
