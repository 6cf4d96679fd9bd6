/**
 * A program: takes UDP on a port and passes it on, and what comes back, each datagram some time later.
 *
 *     node udp-relay.ts PORT TO_ADDRESS TO_PORT MILLISECONDS
 */
import { createSocket, type Socket } from 'node:dgram';

const [port, to, toPort, milliseconds] = process.argv.slice(2);
const BUFFER = 4 << 20;
const socket = () => createSocket({ type: 'udp4', recvBufferSize: BUFFER, sendBufferSize: BUFFER });

/** For each who sends here a socket of its own, so that answers find their way back. */
const flows = new Map<string, Socket>();
const front = socket();
front.on('message', (message, { address, port: from }) => {
  const key = `${address}:${from}`;
  let back = flows.get(key);
  if (!back) {
    back = socket();
    back.on('message', (answer) => later(() => front.send(answer, from, address, lost)));
    flows.set(key, back);
  }
  const flow = back;
  later(() => flow.send(message, Number(toPort), to, lost));
});
front.bind(Number(port), () => console.log('ready'));

function later(send: () => void): void {
  setTimeout(send, Number(milliseconds));
}

/** The kernel tells of what a rule drops; a network would not. */
function lost(): void {}
