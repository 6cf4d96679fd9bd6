import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** By `KeyboardEvent.key`, lower case. */
export type Shortcuts = Readonly<Record<string, () => void>>;

/**
 * Keys for the whole page, except where a key already has a meaning; with `within`, for when the focus is
 * in there: keys in a page of somebody else's are not ours.
 */
export function useShortcuts(actions: Shortcuts, within?: RefObject<HTMLElement | null>): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = latest.current[event.key.toLowerCase()];
      if (!action || hasOwnUse(event)) return;
      event.preventDefault();
      action();
    };
    const target: EventTarget = within?.current ?? globalThis;
    const listener = (event: Event) => event instanceof KeyboardEvent && onKey(event);
    target.addEventListener('keydown', listener);
    return () => target.removeEventListener('keydown', listener);
  }, [within]);
}

/** Space presses the focused button, letters go into a text field, arrows move a slider. */
function hasOwnUse({ key, target }: KeyboardEvent): boolean {
  if (!(target instanceof Element)) return false;
  if (target.matches('input:not([type="range"], [type="checkbox"]), textarea, select')) return true;
  if (key.startsWith('Arrow')) return target.matches('input[type="range"]');
  return key === ' ' && target.matches('button, a, summary, input[type="checkbox"]');
}
