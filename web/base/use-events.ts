import { useEffect, useState } from 'preact/hooks';
import type { Emitter } from '../lib/emitter.ts';

/** The latest value of one of an emitter's events. */
export function useLatest<Events extends object, K extends keyof Events>(
  emitter: Emitter<Events>,
  name: K,
  initial: Events[K],
): Events[K] {
  const [value, setValue] = useState(initial);
  useEffect(() => emitter.on(name, (latest) => setValue(() => latest)), [emitter, name]);
  return value;
}

/** True once `value` has been so for that many ms. */
export function useLasting(value: boolean, milliseconds: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!value) return;
    const timer = setTimeout(() => setLasting(true), milliseconds);
    return () => {
      clearTimeout(timer);
      setLasting(false);
    };
  }, [value, milliseconds]);
  return lasting;
}
