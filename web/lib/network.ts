/**
 * Signs that packets may take another way now, or that none went for a while: what was open may be dead
 * without having been closed. Where there is no browser around us there are none.
 */

/** A page is hidden for longer than this: its timers slept, or its device. */
const LONG_HIDDEN = 60_000;
const TICK = 2000;
/** A tick that comes this late was kept by a device asleep. A hidden page's timers may rest for a minute. */
const GAP = 5000;
const GAP_HIDDEN = 90_000;

/** `changed`: packets take another way, what was open is of the old one. `woke`: it may be so. */
export type NetworkSign = 'changed' | 'woke';

/** Calls back when the network changed, and on waking up; returns the function that ends it. */
export function onNetworkSign(listener: (sign: NetworkSign) => void): () => void {
  if (typeof document === 'undefined') return () => {};
  const changed = () => listener('changed');
  const woke = () => listener('woke');
  const offs = [
    listen(globalThis, 'online', changed),
    onConnectionType(changed),
    onLongHidden(woke),
    onGap(woke),
  ];
  return () => {
    for (const off of offs) off();
  };
}

/** Calls back when the page is left: closed, reloaded, or gone to another address. */
export function onPageLeft(listener: () => void): () => void {
  return typeof document === 'undefined' ? () => {} : listen(globalThis, 'pagehide', listener);
}

/** Wi-Fi to cellular and so on (Network Information API, where there is one). It tells of changed speed as well, which is no news to us. */
function onConnectionType(listener: () => void): () => void {
  const connection: unknown = 'connection' in navigator ? navigator.connection : undefined;
  if (!(connection instanceof EventTarget)) return () => {};
  const typeNow = () => ('type' in connection ? connection.type : undefined);
  let type = typeNow();
  return listen(connection, 'change', () => {
    if (typeNow() === type) return;
    type = typeNow();
    if (type !== 'none') listener();
  });
}

function onLongHidden(listener: () => void): () => void {
  let since: number | undefined;
  return listen(document, 'visibilitychange', () => {
    const long = since !== undefined && Date.now() - since > LONG_HIDDEN;
    since = document.visibilityState === 'hidden' ? Date.now() : undefined;
    if (long && since === undefined) listener();
  });
}

function onGap(listener: () => void): () => void {
  // The wall clock: others stand still while a device sleeps.
  let last = Date.now();
  const timer = setInterval(() => {
    const gap = Date.now() - last - TICK;
    last = Date.now();
    if (gap > (document.visibilityState === 'hidden' ? GAP_HIDDEN : GAP)) listener();
  }, TICK);
  return () => clearInterval(timer);
}

function listen(target: EventTarget, name: string, listener: () => void): () => void {
  target.addEventListener(name, listener);
  return () => target.removeEventListener(name, listener);
}
