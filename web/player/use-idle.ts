import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const PATIENCE = 2500;

/** True when, while `active`, nobody has moved, touched or typed over the element for a while. */
export function useIdle(element: RefObject<HTMLElement | null>, active: boolean): boolean {
  const [idle, setIdle] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (!target || !active) {
      setIdle(false);
      return;
    }
    let timer: ReturnType<typeof setTimeout>;
    const sleep = () => setIdle(true);
    const wake = () => {
      clearTimeout(timer);
      setIdle(false);
      timer = setTimeout(sleep, PATIENCE);
    };
    wake();
    target.addEventListener('pointermove', wake);
    target.addEventListener('pointerdown', wake);
    target.addEventListener('pointerleave', sleep);
    addEventListener('keydown', wake);
    return () => {
      clearTimeout(timer);
      target.removeEventListener('pointermove', wake);
      target.removeEventListener('pointerdown', wake);
      target.removeEventListener('pointerleave', sleep);
      removeEventListener('keydown', wake);
    };
  }, [element, active]);
  return idle;
}
