export type Tone = 'idle' | 'busy' | 'good' | 'bad';

type Props = {
  /** The machine-readable state, for styles and tests. */
  state: string;
  tone: Tone;
  text: string;
};

/** A light and a word; screen readers hear of every change. */
export function StatusLight({ state, tone, text }: Props) {
  return (
    <span id="status" class="status" role="status" data-state={state} data-tone={tone}>
      {text}
    </span>
  );
}
