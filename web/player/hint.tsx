import { useEffect, useState } from 'preact/hooks';
import type { ViewerDiagnosis } from '../lib/diagnosis.ts';
import type { Viewer } from '../lib/viewer.ts';
import { CloseIcon } from './icons.tsx';
import { t } from './text.ts';

/** Long enough to be read twice, in ms. */
const SHOWN_FOR = 15_000;

/** What troubles the stream, in plain words: each thing once, for a while, or until it is waved away. */
export function Hint({ viewer }: { viewer: Viewer }) {
  const [hint, setHint] = useState<string>();
  useEffect(() => {
    const told = new Set<string>();
    return viewer.on('diagnosis', (diagnosis) => {
      const text = wordsFor(diagnosis, viewer);
      if (!text || told.has(diagnosis)) return;
      told.add(diagnosis);
      setHint(text);
    });
  }, [viewer]);
  useEffect(() => {
    if (!hint) return;
    const timer = setTimeout(() => setHint(undefined), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [hint]);
  return (
    <div class="hint-place" role="status">
      {hint && (
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

/** The picture that was too much is the one that still comes. */
function wordsFor(diagnosis: ViewerDiagnosis, { mediaStream, layers }: Viewer): string | undefined {
  switch (diagnosis) {
    case 'ok':
      return undefined;
    case 'slow_decoder': {
      const height = mediaStream.getVideoTracks()[0]?.getSettings().height;
      const smaller = layers !== undefined && layers.scales.length > 1;
      if (!height || !smaller) return t('hint.decoder');
      return t('hint.decoder.down', { height });
    }
    case 'udp_blocked':
      return t('hint.udp');
    case 'weak_upload':
      return t('hint.upload');
    case 'publisher_cpu':
      return t('hint.publisher');
    case 'weak_downlink':
      return t('hint.downlink');
  }
}
