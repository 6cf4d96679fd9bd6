import { useId, useRef, useState } from 'preact/hooks';
import { tellOutcome } from './outcome.tsx';
import { t } from './text.ts';

type Props = {
  /** What the button says, and does in the dialog. */
  label: string;
  /** For screen readers, where there are many alike. */
  name?: string;
  /** What is asked, and what it means. */
  title: string;
  text: string;
  id?: string;
  class?: string;
  disabled?: boolean;
  run(): Promise<string>;
};

/** A button for what cannot be undone: asks first, with the way out in focus. */
export function ConfirmButton({ label, name, title, text, id, class: more = '', disabled, run }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const heading = useId();
  const confirm = async () => {
    setBusy(true);
    await tellOutcome(run);
    setBusy(false);
    dialog.current?.close();
  };
  return (
    <>
      <button
        type="button"
        id={id}
        class={`button small-button danger ${more}`}
        aria-label={name}
        disabled={disabled}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} class="confirm" aria-labelledby={heading}>
        <h2 id={heading}>{title}</h2>
        <p class="muted">{text}</p>
        <div class="row">
          <button
            type="button"
            class="button"
            autofocus
            disabled={busy}
            onClick={() => dialog.current?.close()}
          >
            {t('cancel')}
          </button>
          <button
            type="button"
            class="button danger confirm-yes"
            disabled={busy}
            onClick={() => void confirm()}
          >
            {label}
          </button>
        </div>
      </dialog>
    </>
  );
}

/** A button for what can be undone: does it at once. */
export function ActionButton({ label, id, disabled, run }: Pick<Props, 'label' | 'id' | 'disabled' | 'run'>) {
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    await tellOutcome(run);
    setBusy(false);
  };
  return (
    <button
      type="button"
      id={id}
      class="button small-button"
      disabled={disabled || busy}
      onClick={() => void act()}
    >
      {label}
    </button>
  );
}
