/** Where this page's server has its signaling. */
export function signalUrl(): string {
  return new URL('/ws', location.href).href;
}
