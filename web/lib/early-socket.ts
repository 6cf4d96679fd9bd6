/**
 * A WebSocket that a page has opened before this library was there: over a long link that is two round trips
 * and the server's welcome, while scripts are still on their way (web/watch/early.ts).
 */
export type EarlySocket = {
  socket: WebSocket;
  /** What the server has said so far; whoever takes the socket listens from then on. */
  received: unknown[];
};

declare global {
  var pharosEarly: EarlySocket | undefined;
}

/** That socket, for one user only, if it leads there and is of use still. */
export function takeEarlySocket(url: string): EarlySocket | undefined {
  const early = globalThis.pharosEarly;
  if (early?.socket.url !== url) return undefined;
  globalThis.pharosEarly = undefined;
  return early.socket.readyState <= WebSocket.OPEN ? early : undefined;
}
