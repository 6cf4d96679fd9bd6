import { Panel } from './panel.tsx';
import { t } from './text.ts';

type Props = {
  /** Whether the keys are in use. */
  on: boolean;
  onSwitch(on: boolean): void;
  onClose(): void;
};

const KEYS = [
  [['help.space', 'K'], 'help.play'],
  [['M'], 'help.mute'],
  [['↑', '↓'], 'help.volume'],
  [['F'], 'help.fullscreen'],
  [['P'], 'help.pip'],
  [['C'], 'help.captions'],
  [['I'], 'help.stats'],
  [['?'], 'help.help'],
  [['Esc'], 'help.escape'],
] as const;

/** The keys, and the switch that WCAG 2.2, 2.1.4 asks for: speech input may type letters unasked. */
export function Help({ on, onSwitch, onClose }: Props) {
  return (
    <Panel id="help" title={t('help')} onClose={onClose}>
      <dl class="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key === 'help.space' ? t(key) : key}</kbd>
              ))}
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          id="use-keys"
          type="checkbox"
          checked={on}
          onChange={(event) => onSwitch(event.currentTarget.checked)}
        />
        {t('help.use')}
      </label>
    </Panel>
  );
}
