/**
 * What Pharos is measured against: mediasoup, and as little around it as carries a stream from
 * one WHIP client to WHEP players. Same worker binary, settings and packets; nothing of Pharos.
 * WebSockets are held, and told "live" when somebody publishes.
 *
 *   node bench/lib/bare-server.ts WORKERS FIRST_MEDIA_PORT
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { type WebSocket, WebSocketServer } from 'ws';
import { readOffer, sentParameters, writeAnswer } from './bare-sdp.ts';

type Node = { router: types.Router; webRtcServer: types.WebRtcServer };
type Producers = Map<types.MediaKind, types.Producer>;

/** A router's numbers are the players', as the official worker has no others. */
const CODECS: types.RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2, preferredPayloadType: 111 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000, preferredPayloadType: 96 },
  {
    kind: 'video',
    mimeType: 'video/H264',
    clockRate: 90_000,
    preferredPayloadType: 102,
    parameters: { 'profile-level-id': '42e01f', 'packetization-mode': 1, 'level-asymmetry-allowed': 1 },
  },
];

const [workers = 1, firstPort = 0] = process.argv.slice(2).map(Number);
const nodes = await Promise.all(Array.from({ length: workers }, (_, index) => createNode(firstPort + index)));
const [home] = nodes as [Node];
const sessions = new Map<string, types.WebRtcTransport>();
let producers: Producers = new Map();
/** By node: those of the home node, and theirs as piped to the others. */
const carried = new Map<Node, Promise<Producers>>();
let joins = 0;

const server = createServer((request, response) => {
  answer(request, response).catch((error: Error) => response.writeHead(500).end(error.stack));
});
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket: WebSocket) => socket.on('error', () => socket.terminate()));
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ msg: 'server up', port: (server.address() as AddressInfo).port }));
});
// What it was asked to measure with may hang on its exit.
process.once('SIGTERM', () => process.exit());

async function createNode(port: number): Promise<Node> {
  const worker = await mediasoup.createWorker({ logLevel: 'warn', logTags: ['ice', 'dtls'] });
  // Buffers as Pharos has them: with Linux's own both would lose the publisher's packets on a busy machine.
  const listenInfos = (['udp', 'tcp'] as const).map((protocol) => ({
    ...{ protocol, ip: '127.0.0.1', port },
    ...(protocol === 'udp' && { sendBufferSize: 4 << 20, recvBufferSize: 4 << 20 }),
  }));
  const webRtcServer = await worker.createWebRtcServer({ listenInfos });
  return { webRtcServer, router: await worker.createRouter({ mediaCodecs: CODECS }) };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, protocol, , session = ''] = (request.url ?? '').split('/');
  if (request.method === 'DELETE') {
    sessions.get(session)?.close();
    sessions.delete(session);
    response.writeHead(200).end();
  } else if (request.method === 'POST') {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const sdp = Buffer.concat(chunks).toString();
    const { transport, answer } = protocol === 'whip' ? await publish(sdp) : await watch(sdp);
    sessions.set(transport.id, transport);
    transport.observer.once('close', () => sessions.delete(transport.id));
    response.writeHead(201, {
      ...CORS,
      'Content-Type': 'application/sdp',
      Location: `${request.url}/${transport.id}`,
    });
    response.end(answer);
  } else {
    response.writeHead(request.method === 'OPTIONS' ? 204 : 200, { ...CORS, 'Content-Type': 'text/html' });
    response.end();
  }
}

const CORS = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Content-Type' };

async function publish(sdp: string) {
  const offer = readOffer(sdp, home.router);
  const transport = await createTransport(home);
  await transport.connect({ dtlsParameters: offer.dtls });
  producers = new Map();
  carried.clear();
  const answered = offer.sections.map((section) => ({
    direction: 'recvonly' as const,
    rtpParameters: sentParameters(section),
  }));
  for (const [index, { kind }] of offer.sections.entries()) {
    const rtpParameters = answered[index]?.rtpParameters as types.RtpParameters;
    producers.set(kind, await transport.produce({ kind, rtpParameters, keyFrameRequestDelay: 500 }));
  }
  for (const socket of sockets.clients) socket.send('{"type":"live"}');
  return { transport, answer: writeAnswer(offer, transport, answered) };
}

async function watch(sdp: string) {
  const node = nodes[joins++ % nodes.length] as Node;
  const offer = readOffer(sdp, node.router);
  const sources = await producersOn(node);
  const transport = await createTransport(node);
  await transport.connect({ dtlsParameters: offer.dtls });
  const rtpCapabilities = { codecs: offer.sections.flatMap(({ codecs }) => codecs), headerExtensions: [] };
  const consumers = await Promise.all(
    offer.sections.map(({ kind, mid }) => {
      const producerId = sources.get(kind)?.id;
      return producerId ? transport.consume({ producerId, rtpCapabilities, mid }) : undefined;
    }),
  );
  const answered = consumers.map(
    (consumer) => consumer && { direction: 'sendonly' as const, rtpParameters: consumer.rtpParameters },
  );
  return { transport, answer: writeAnswer(offer, transport, answered) };
}

/** The stream as that node has it: piped there once. */
function producersOn(node: Node): Promise<Producers> {
  const known = carried.get(node);
  if (known) return known;
  const piped = Promise.all(
    [...producers].map(async ([kind, producer]) => {
      if (node === home) return [kind, producer] as const;
      const { pipeProducer } = await home.router.pipeToRouter({
        producerId: producer.id,
        router: node.router,
      });
      return [kind, pipeProducer as types.Producer] as const;
    }),
  ).then((entries) => new Map(entries));
  carried.set(node, piped);
  return piped;
}

function createTransport({ router, webRtcServer }: Node): Promise<types.WebRtcTransport> {
  return router.createWebRtcTransport({
    webRtcServer,
    enableUdp: true,
    enableTcp: true,
    preferUdp: true,
    // Neither end of the measurements checks ICE consent.
    iceConsentTimeout: 0,
    initialAvailableOutgoingBitrate: 3_000_000,
  });
}
