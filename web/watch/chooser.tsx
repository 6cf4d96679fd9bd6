import { identifierRule } from '../base/identifier.ts';
import { IdentifierForm } from '../base/identifier-form.tsx';
import { Notice } from '../base/notice.tsx';
import { t } from '../player/text.ts';

type Props = {
  /** The address has something for an identifier that cannot be one. */
  impossible: boolean;
  onWatch(identifier: string, key: string | undefined): void;
};

/** Which stream? Where its picture will be. */
export function Chooser({ impossible, onWatch }: Props) {
  return (
    <div class="chooser">
      <h2>{t('choose')}</h2>
      {impossible && (
        <Notice title={t('choose.impossible')}>
          {t('choose.impossible.do', { rule: identifierRule() })}
        </Notice>
      )}
      <IdentifierForm onWatch={onWatch} />
    </div>
  );
}
