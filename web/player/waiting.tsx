import { useEffect, useState } from 'preact/hooks';
import { t } from './text.ts';

/** In ms; so long nobody asks why. */
const LONG = 5000;

type Props = {
  /** What is waited for. */
  stage: 'connecting' | 'picture';
};

/** Appears after a moment: a join takes the blink of an eye. */
export function Waiting({ stage }: Props) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    setLong(false);
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, [stage]);
  return (
    <div class="waiting">
      <div class="spinner" />
      <p class="waiting-for" role="status">
        {t(`wait.${stage}`)}
        {long && <span class="waiting-why">{t(`wait.${stage}.long`)}</span>}
      </p>
    </div>
  );
}
