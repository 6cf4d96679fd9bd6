/**
 * A script of its own, before all others: opens the connection while they are on their way. It imports
 * nothing, so that it waits for nothing. Without it the library opens its connection itself.
 */
import type { EarlySocket } from '../lib/early-socket.ts';

const url = new URL('/ws', location.href);
url.protocol = url.protocol.replace('http', 'ws');
const early: EarlySocket = { socket: new WebSocket(url), received: [] };
early.socket.onmessage = ({ data }) => early.received.push(data);
globalThis.pharosEarly = early;
