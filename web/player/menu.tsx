import type { TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { SettingsIcon } from './icons.tsx';
import type { Reason, Wish } from './layers.ts';
import type { Quality, QualityState } from './quality.ts';
import { t } from './text.ts';

type Props = {
  quality: Quality;
  onStats(): void;
  onHelp(): void;
};

/**
 * Settings: a button and its menu (WAI-ARIA Authoring Practices, "menu button"): arrows move, Enter and
 * Space choose, Escape closes and gives the focus back.
 */
export function SettingsMenu({ quality, onStats, onHelp }: Props) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="menu-anchor">
      <button
        id="settings"
        ref={button}
        type="button"
        class="control"
        aria-label={t('control.settings')}
        title={t('control.settings')}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <SettingsIcon />
      </button>
      {open && <Menu {...{ quality, onStats, onHelp }} button={button.current} onClose={close} />}
    </div>
  );
}

function Menu({
  quality,
  onStats,
  onHelp,
  button,
  onClose,
}: Props & { button: Element | null; onClose(): void }) {
  const menu = useRef<HTMLDivElement>(null);
  const state = useQualityState(quality);
  useLayoutEffect(() => {
    const checked = menu.current?.querySelector<HTMLElement>('[aria-checked="true"]');
    (checked ?? items(menu.current)[0])?.focus();
  }, []);
  useEffect(() => {
    // Inside a shadow tree only the path knows what was really pressed.
    const onPress = (event: Event) => {
      const path = event.composedPath();
      if (menu.current && !path.includes(menu.current) && !(button && path.includes(button))) onClose();
    };
    addEventListener('pointerdown', onPress);
    return () => removeEventListener('pointerdown', onPress);
  }, [button, onClose]);

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    if (event.key === 'Tab') return onClose();
    const next = move(event.key, items(menu.current), event.target);
    if (event.key === 'Escape') onClose();
    else if (next) next.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const choose = (action: () => void) => () => {
    onClose();
    action();
  };
  return (
    <div
      id="menu"
      ref={menu}
      class="menu"
      role="menu"
      aria-label={t('menu')}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <p class="menu-now" id="quality-now" role="presentation">
        {describeNow(state)}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a group inside a menu (WAI-ARIA, role "menu"); a fieldset is none */}
      <div role="group" aria-label={t('quality')}>
        {choicesOf(state).map(({ wish, label }) => (
          <MenuItem
            key={wish}
            checked={wish === state.wish}
            label={label}
            onChoose={choose(() => quality.choose(wish))}
          />
        ))}
      </div>
      <hr />
      <MenuItem id="menu-stats" label={t('menu.stats')} hotkey="i" onChoose={choose(onStats)} />
      <MenuItem id="menu-help" label={t('menu.help')} hotkey="?" onChoose={choose(onHelp)} />
    </div>
  );
}

type ItemProps = {
  id?: string;
  /** Of one among several of which one is chosen. */
  checked?: boolean;
  label: string;
  hotkey?: string;
  onChoose(): void;
};

function MenuItem({ id, checked, label, hotkey, onChoose }: ItemProps) {
  // Of these two roles only the first has a check (WAI-ARIA 1.2).
  const role =
    checked === undefined
      ? ({ role: 'menuitem' } as const)
      : ({ role: 'menuitemradio', 'aria-checked': checked } as const);
  return (
    <button
      {...role}
      id={id}
      type="button"
      class="menu-item"
      aria-keyshortcuts={hotkey}
      tabIndex={-1}
      onClick={onChoose}
    >
      {label}
      {hotkey && <kbd>{hotkey}</kbd>}
    </button>
  );
}

function useQualityState(quality: Quality): QualityState {
  const [state, setState] = useState(quality.state);
  useEffect(() => quality.on('state', setState), [quality]);
  return state;
}

/** Largest first, as people know it. */
function choicesOf({ wish, heights, height }: QualityState): { wish: Wish; label: string }[] {
  const sized = heights.map((each, layer) => ({ wish: layer, label: t('quality.height', { height: each }) }));
  const auto = wish === 'auto' && height ? t('quality.autoAt', { height }) : t('quality.auto');
  return [
    { wish: 'auto', label: auto },
    // One size is no choice.
    ...(sized.length > 1 ? sized.reverse() : []),
    { wish: 'audio', label: t('quality.audio') },
  ];
}

/** "Auto (360p): your connection carries no more" */
function describeNow({ wish, heights, height, reason }: QualityState): string {
  if (wish === 'audio') return t('quality.audio');
  if (!height) return t('quality.now', { quality: t('quality.auto'), reason: t('quality.none') });
  const quality = t(wish === 'auto' ? 'quality.autoAt' : 'quality.height', { height });
  if (reason) return t('quality.now', { quality, reason: t(REASONS[reason]) });
  if (typeof wish === 'number' && wish < heights.length - 1) return quality;
  return t('quality.now', { quality, reason: t(heights.length > 1 ? 'quality.most' : 'quality.only') });
}

const REASONS = {
  connection: 'quality.connection',
  publisher: 'quality.publisher',
  window: 'quality.window',
  decoder: 'quality.decoder',
} as const satisfies Record<Reason, string>;

function items(menu: HTMLElement | null): HTMLElement[] {
  return [...(menu?.querySelectorAll<HTMLElement>('.menu-item') ?? [])];
}

/** Where the key moves the focus to; round and round. */
function move(key: string, list: HTMLElement[], focused: EventTarget | null): HTMLElement | undefined {
  const at = focused instanceof HTMLElement ? list.indexOf(focused) : -1;
  if (key === 'ArrowDown') return list[(at + 1) % list.length];
  if (key === 'ArrowUp') return list[(at - 1 + list.length) % list.length];
  if (key === 'Home') return list[0];
  return key === 'End' ? list.at(-1) : undefined;
}
