import { onNetworkSign } from './network.ts';

/** Resolves after the time, or at once when aborted, or when the network shows signs of life: then a try is worth it. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    const off = onNetworkSign(done);
    signal.addEventListener('abort', done);
    function done(): void {
      clearTimeout(timer);
      off();
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
