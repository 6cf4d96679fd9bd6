/**
 * Strangers at the media port, over UDP and TCP, and a publisher with a media path of its own that sends
 * rubbish through it. Nothing of that may be felt by whoever watches, or kept by the server.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Audio, Video } from 'node-datachannel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection } from '../../tools/lib/connection.ts';
import { postOffer } from '../../tools/lib/resource.ts';
import { WhepClient } from '../../tools/lib/whep-client.ts';
import { type GoodViewer, SMALL_HEAP, watchWell } from '../helpers/good-viewer.ts';
import { type Random, seeded, seedOfRun } from '../helpers/mutate.ts';
import { datagram, KINDS, type Kind, type Known, rtcp, rtp } from '../helpers/mutate-datagram.ts';
import { family } from '../helpers/process.ts';
import { publishOffer } from '../helpers/sdp.ts';
import { startServer, type TestServer } from '../helpers/server.ts';
import { ATTRIBUTES, METHODS, stunAnswer, stunRequest } from '../helpers/stun.ts';

const DATAGRAMS = 45_000;
/** Until then what stays in any case has been taken: buffers, pools. */
const WARM = 10_000;
/** So many at a time; in between the worker gets to its own work, as on a line with a bandwidth. */
const BURST = 25;
const IN_PROTOCOL = 6_000;
const TCP_CONNECTIONS = 1_000;
const SILENT = 500;

let server: TestServer;
let good: GoodViewer;
let random: Random;
let port: number;
let known: Known[];

beforeAll(async () => {
  random = seeded(seedOfRun());
  server = await startServer({
    NODE_OPTIONS: SMALL_HEAP,
    PHAROS_MEDIA_WORKERS: 1,
    PHAROS_LIMITS_JOINS_PER_ADDRESS: 1_000_000,
  });
  port = Number(server.records('media worker up')[0]?.port);
  good = await watchWell(server);
  known = [good];
});

afterAll(async () => {
  await good?.stop();
  await server?.stop();
});

test(`${DATAGRAMS} datagrams that are forged, broken, foreign or too large`, async () => {
  const strangers = await Promise.all(Array.from({ length: 8 }, () => udp()));
  const counts = new Map<string, number>();
  await good.unharmed('datagrams', async (warm) => {
    // Those who got as far as a tuple that the worker knows, and are nobody then.
    const members = await Promise.all(Array.from({ length: 4 }, () => member()));
    known.push(...members.map(({ ufrag }) => ({ ufrag, ssrcs: [1, 2] })));
    const sockets = [...strangers, ...members.map(({ socket }) => socket)];
    for (let sent = 0; sent < DATAGRAMS; sent += BURST) {
      if (sent === WARM) warm();
      for (let i = 0; i < BURST; i++) {
        const kind = kindAt(sent + i);
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        const socket = sockets[Math.floor(random() * sockets.length)] as UdpSocket;
        socket.send(datagram(kind, random, known), port, '127.0.0.1');
      }
      await sleep(5);
    }
    for (const { leave } of members) await leave();
  });
  for (const socket of strangers) socket.close();
  console.info(Object.fromEntries(counts));
  for (const kind of KINDS) expect(counts.get(kind) ?? 0, kind).toBeGreaterThan(200);
});

/** Large and empty ones are few: they are the costly ones to send, and all alike. */
function kindAt(index: number): Kind {
  const rare: readonly Kind[] = ['oversize', 'empty'];
  if (index % 50 === 0) return rare[(index / 50) % 2] as Kind;
  const usual = KINDS.filter((kind) => !rare.includes(kind));
  return usual[index % usual.length] as Kind;
}

test(`${IN_PROTOCOL} packets of rubbish from a publisher, inside DTLS and SRTP`, async () => {
  await good.unharmed('inside SRTP', async () => {
    const attacker = await publishRubbish();
    // Somebody watches it: what is rubbish is forwarded, rewritten and answered too.
    const audience = new WhepClient({ url: new URL('/whep/rubbish', server.url), onPacket: () => undefined });
    await audience.connect();
    for (let sent = 0; sent < IN_PROTOCOL; sent += BURST) {
      for (let i = 0; i < BURST; i++) attacker.send();
      await sleep(5);
    }
    await audience.close();
    await attacker.stop();
    console.info(`of ${IN_PROTOCOL} packets libsrtp refused to send ${attacker.refused()}`);
  });
});

test(`${TCP_CONNECTIONS} TCP connections with wrong framing, and ${SILENT} that say nothing`, async () => {
  await good.unharmed('TCP', async (warm) => {
    const silent = await Promise.all(Array.from({ length: SILENT }, () => tcp()));
    warm();
    for (let made = 0; made < TCP_CONNECTIONS; made += BURST) {
      const sockets = await Promise.all(Array.from({ length: BURST }, () => tcp()));
      for (const socket of sockets) socket.write(frames());
      await sleep(10);
      for (const socket of sockets) socket.destroy();
    }
    // Who comes by TCP now is served all the same.
    expect(await answersByTcp()).toBe(true);
    for (const socket of silent) socket.destroy();
  });
});

test('more TCP connections than the worker may have files: UDP goes on, and TCP when they are gone', async () => {
  const worker = family(server.process.pid).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('mediasoup-worker'),
  );
  execFileSync('prlimit', [`--pid=${worker}`, '--nofile=200:']);
  await good.unharmed('files used up', async () => {
    const sockets = await Promise.all(Array.from({ length: 300 }, () => tcp()));
    const refused = () => sockets.filter(({ closed }) => closed).length;
    await expect.poll(refused).toBeGreaterThan(90);
    // Over UDP somebody comes and watches meanwhile.
    const { promise, resolve } = Promise.withResolvers<void>();
    const another = new WhepClient({ url: new URL('/whep/good', server.url), onPacket: () => resolve() });
    await another.connect();
    await promise;
    await another.close();
    for (const socket of sockets) socket.destroy();
  });
  await expect.poll(answersByTcp, { timeout: 10_000 }).toBe(true);
});

/** RFC 4571: two octets of length, then as many. */
function frames(): Buffer {
  const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
    const kind = KINDS[Math.floor(random() * KINDS.length)] as Kind;
    const body = datagram(kind, random, known).subarray(0, 0xffff);
    const length = Buffer.alloc(2);
    const lie = [0, 1, 0xffff, Math.floor(random() * 0x10000)][Math.floor(random() * 4)] ?? 0;
    length.writeUInt16BE(random() < 0.5 ? body.length : lie);
    return Buffer.concat([length, body]);
  });
  return Buffer.concat(parts);
}

/** A publisher with a path in order, who sends what is not. */
async function publishRubbish() {
  const connection = new Connection('rubbish');
  const tracks = (['audio', 'video'] as const).map((kind) => {
    const ssrc = 1 + Math.floor(random() * 2 ** 31);
    const media = kind === 'audio' ? new Audio(kind, 'SendOnly') : new Video(kind, 'SendOnly');
    const payloadType = kind === 'audio' ? 111 : 96;
    if (media instanceof Audio) media.addOpusCodec(payloadType);
    else media.addVP8Codec(payloadType);
    media.addSSRC(ssrc, 'rubbish', 'rubbish', kind);
    return { track: connection.addTrack(media), ssrc, payloadType };
  });
  const resource = await postOffer(new URL('/whip/rubbish', server.url), await connection.offer());
  connection.acceptAnswer(resource.answer);
  await connection.connected();
  let refused = 0;
  return {
    send: () => {
      const { track, ssrc, payloadType } = tracks[Math.floor(random() * tracks.length)] as (typeof tracks)[0];
      const some = () => (random() < 0.8 ? ssrc : Math.floor(random() * 2 ** 32));
      const packet = random() < 0.7 ? rtp(some(), random, [payloadType]) : rtcp(some, random);
      try {
        if (!track.sendMessageBinary(packet)) refused++;
      } catch {
        refused++;
      }
    },
    refused: () => refused,
    stop: async () => {
      await fetch(resource.url, { method: 'DELETE' });
      connection.close();
    },
  };
}

async function udp(): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  // Oversize for the loopback's buffers now and then: that one is not sent.
  socket.on('error', () => undefined);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function tcp(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

type Path = { url: URL; ufrag: string; key: string };

async function path(): Promise<Path> {
  const id = `member-${Math.floor(random() * 1e9)}`;
  const { answer, url } = await postOffer(new URL(`/whip/${id}`, server.url), publishOffer());
  const [, ufrag = ''] = /a=ice-ufrag:(\S+)/.exec(answer) ?? [];
  const [, key = ''] = /a=ice-pwd:(\S+)/.exec(answer) ?? [];
  return { url, ufrag, key };
}

const connectivityCheck = ({ ufrag, key }: Path) =>
  stunRequest(
    METHODS.binding,
    [
      [ATTRIBUTES.username, `${ufrag}:EsAw`],
      [ATTRIBUTES.iceControlling, Buffer.alloc(8, 1)],
      [ATTRIBUTES.useCandidate, ''],
      [ATTRIBUTES.priority, Buffer.from([0x6e, 0, 0, 0xff])],
    ],
    { key },
  );

/** Has got through ICE, and speaks no DTLS. */
async function member() {
  const own = await path();
  const socket = await udp();
  const answered = Promise.withResolvers<void>();
  socket.on('message', (message) => stunAnswer(message)?.success && answered.resolve());
  socket.send(connectivityCheck(own), port, '127.0.0.1');
  await answered.promise;
  const leave = async () => {
    socket.close();
    await fetch(own.url, { method: 'DELETE' });
  };
  return { socket, ufrag: own.ufrag, leave };
}

async function answersByTcp(): Promise<boolean> {
  const own = await path();
  const socket = await tcp();
  const message = connectivityCheck(own);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  socket.write(Buffer.concat([length, message]));
  const answered = Promise.withResolvers<Buffer>();
  socket.once('data', answered.resolve);
  socket.once('close', () => answered.resolve(Buffer.alloc(0)));
  const answer = await answered.promise;
  socket.destroy();
  await fetch(own.url, { method: 'DELETE' });
  return stunAnswer(answer.subarray(2))?.success ?? false;
}
