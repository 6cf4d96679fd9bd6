import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { CloseIcon } from './icons.tsx';
import { t } from './text.ts';

type Props = { id: string; title: string; onClose(): void; children: ComponentChildren };

/** Something to read over the picture, which plays on. Takes the focus, and gives it back. */
export function Panel({ id, title, onClose, children }: Props) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const root = close.current?.getRootNode();
    const before = root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
    close.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <section
      id={id}
      class="panel"
      aria-labelledby={`${id}-title`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        event.stopPropagation();
        onClose();
      }}
    >
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        <button
          ref={close}
          type="button"
          class="control small"
          aria-label={t('control.close')}
          title={t('control.close')}
          onClick={onClose}
        >
          <CloseIcon />
        </button>
      </header>
      {children}
    </section>
  );
}
