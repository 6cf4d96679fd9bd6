import { identifierRule } from '../base/identifier.ts';
import { IdentifierForm } from '../base/identifier-form.tsx';
import { Notice } from '../base/notice.tsx';

type Props = {
  /** The address has something for an identifier that cannot be one. */
  impossible: boolean;
  onWatch(identifier: string, key: string | undefined): void;
};

/** Which stream? Where its picture will be. */
export function Chooser({ impossible, onWatch }: Props) {
  return (
    <div class="chooser">
      <h2>Watch a stream</h2>
      {impossible && (
        <Notice title="There can be no such stream">
          The identifier in this page’s address is not possible. {identifierRule()}
        </Notice>
      )}
      <IdentifierForm onWatch={onWatch} />
    </div>
  );
}
