import { useState } from 'preact/hooks';
import { Notice } from '../base/notice.tsx';

type Props = { wrong: boolean; onKey(key: string): void };

/** Recordings are for the server's operator. */
export function KeyForm({ wrong, onKey }: Props) {
  const [key, setKey] = useState('');
  return (
    <main class="recordings">
      <form
        class="card key-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (key) onKey(key.trim());
        }}
      >
        <h1>Recordings</h1>
        <p class="muted">
          They are for whoever runs this server. The admin key is in the file <code>admin-key</code> in its
          data folder.
        </p>
        {wrong && <Notice title="This is not the admin key">Check it for missing letters.</Notice>}
        <div class="field">
          <label for="admin-key">Admin key</label>
          <input
            id="admin-key"
            class="input"
            type="password"
            autocomplete="current-password"
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </div>
        <button type="submit" class="button primary" disabled={!key}>
          Show recordings
        </button>
      </form>
    </main>
  );
}
