import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Notice } from './notice.tsx';
import { t } from './text.ts';

type Props = {
  title: string;
  /** What the button says. */
  action: string;
  /** Why a key is asked for. */
  children: ComponentChildren;
  /** What the server said of the one before, if that was refused. */
  refused?: string | undefined;
  onKey(key: string): void;
};

/** Asks for the admin key, or a token to administer, before a page that is for the server's operator. */
export function KeyForm({ title, action, children, refused, onKey }: Props) {
  const [key, setKey] = useState('');
  return (
    <form
      class="card key-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (key.trim()) onKey(key.trim());
      }}
    >
      <h1>{title}</h1>
      <p class="muted">{children}</p>
      {refused !== undefined && <Notice title={t('key.wrong')}>{refused}</Notice>}
      <div class="field">
        <label for="admin-key">{t('key.label')}</label>
        <input
          id="admin-key"
          class="input"
          type="password"
          autocomplete="current-password"
          value={key}
          onInput={({ currentTarget }) => setKey(currentTarget.value)}
        />
      </div>
      <button type="submit" class="button primary" disabled={!key.trim()}>
        {action}
      </button>
    </form>
  );
}
