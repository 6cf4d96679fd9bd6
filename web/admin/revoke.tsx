import type { Actions } from './actions.ts';
import { ConfirmButton } from './confirm.tsx';
import { t } from './text.ts';

/** Keys are taken back by the configuration, and addresses hold nothing. */
export function Revoke({ subject, actions }: { subject: string; actions: Actions }) {
  if (!subject || /^(key|address):/.test(subject)) return null;
  return (
    <ConfirmButton
      class="revoke"
      label={t('action.revoke')}
      name={t('action.revoke.of', { subject })}
      title={t('confirm.revoke', { subject })}
      text={t('confirm.revoke.text')}
      run={() => actions.revoke({ subject })}
    />
  );
}
