import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { identifierIn, identifierRule } from './identifier.ts';
import { keyIn } from './key.ts';
import { t } from './text.ts';

type Props = {
  /** `key`: of a link to a private stream. */
  onWatch(identifier: string, key: string | undefined): void;
};

/** Asks which stream to watch; takes an identifier or a whole link. */
export function IdentifierForm({ onWatch }: Props) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const identifier = identifierIn(text);
    setWrong(identifier === undefined);
    if (identifier !== undefined) onWatch(identifier, keyIn(text));
  };
  return (
    <form class="field" onSubmit={submit} noValidate>
      <label for="identifier">{t('identifier.label')}</label>
      <div class="with-button">
        <input
          id="identifier"
          class="input"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setWrong(false);
          }}
          placeholder={t('identifier.example')}
          autoComplete="off"
          autoCapitalize="off"
          spellcheck={false}
          aria-invalid={wrong}
          aria-describedby="identifier-hint"
        />
        <button type="submit" class="button primary">
          {t('identifier.watch')}
        </button>
      </div>
      <p id="identifier-hint" class={wrong ? 'hint error' : 'hint'} role={wrong ? 'alert' : undefined}>
        {wrong ? identifierRule() : t('identifier.hint')}
      </p>
    </form>
  );
}
