import { useEffect, useRef } from 'preact/hooks';
import { loudness } from './loudness.ts';
import { t } from './text.ts';

/** Shows that there is something to be heard. */
export function LevelMeter({ track }: { track: MediaStreamTrack | undefined }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!track) return;
    return measure(track, (level) => {
      if (bar.current) bar.current.style.transform = `scaleX(${level.toFixed(3)})`;
    });
  }, [track]);
  return (
    <div class="meter" hidden={!track}>
      <span class="label" aria-hidden="true">
        {t('meter.label')}
      </span>
      <div class="meter-track" role="img" aria-label={t('meter.name')}>
        <div class="meter-bar" ref={bar} />
      </div>
    </div>
  );
}

/** Calls back with 0 to 1, once a frame; returns the function that ends it. */
function measure(track: MediaStreamTrack, onLevel: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let level = 0;
  let frame = requestAnimationFrame(next);
  // Some browsers let a page make no sound graph before the first touch.
  const resume = () => void context.resume();
  addEventListener('pointerdown', resume);
  return () => {
    cancelAnimationFrame(frame);
    removeEventListener('pointerdown', resume);
    void context.close();
    onLevel(0);
  };
  function next(): void {
    analyser.getFloatTimeDomainData(samples);
    // Up at once, down slowly: a single word is seen.
    level = Math.max(loudness(samples), level * 0.92);
    onLevel(level);
    frame = requestAnimationFrame(next);
  }
}
