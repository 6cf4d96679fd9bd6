import { type ChildProcess, spawn } from 'node:child_process';
import type { types } from 'mediasoup';
import * as mediasoup from 'mediasoup';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { watchEncoder } from '../../server/streams/encoder-trace.ts';
import type { Finding } from '../../server/streams/encoder-watch.ts';
import { payloadOf } from '../../tools/lib/rtp.ts';
import { findFfmpeg } from '../../workers/ffmpeg/binary.ts';

const H264: types.RouterRtpCodecCapability = {
  kind: 'video',
  mimeType: 'video/H264',
  clockRate: 90_000,
  parameters: { 'profile-level-id': '42e01f', 'packetization-mode': 1, 'level-asymmetry-allowed': 1 },
};
const PAYLOAD_TYPE = 96;

let worker: types.Worker;
let router: types.Router;
const encoders: ChildProcess[] = [];

beforeAll(async () => {
  worker = await mediasoup.createWorker();
  router = await worker.createRouter({ mediaCodecs: [H264] });
});

afterAll(() => {
  for (const encoder of encoders) encoder.kill('SIGKILL');
  worker.close();
});

const codecs: types.RtpCodecParameters[] = [
  {
    mimeType: 'video/H264',
    payloadType: PAYLOAD_TYPE,
    clockRate: 90_000,
    parameters: H264.parameters,
    rtcpFeedback: [{ type: 'nack', parameter: 'pli' }],
  },
];

type Encoder = { picture?: string; options: string; parameterSetsInSdp?: boolean };

/** An encoder that sends to a watched producer; like all of ffmpeg, deaf to PLI. */
async function encode({ picture = 'testsrc2', options, parameterSetsInSdp = false }: Encoder) {
  const ssrc = 1000 + encoders.length;
  const transport = await router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip: '127.0.0.1' },
    rtcpMux: false,
    comedia: true,
  });
  const producer = await transport.produce({
    kind: 'video',
    rtpParameters: { codecs, encodings: [{ ssrc }] },
  });
  const watched = watch(producer, parameterSetsInSdp);
  const { tuple, rtcpTuple } = transport;
  const command = `-v fatal -re -f lavfi -i ${picture}=size=320x180:rate=30 -c:v libx264 -preset ultrafast
    -pix_fmt yuv420p -b:v 500k ${options} -f rtp -payload_type ${PAYLOAD_TYPE} -ssrc ${ssrc}
    rtp://127.0.0.1:${tuple.localPort}?rtcpport=${rtcpTuple?.localPort}&pkt_size=1200`;
  encoders.push(spawn(findFfmpeg(), command.split(/\s+/), { stdio: ['ignore', 'ignore', 'inherit'] }));
  return watched;
}

function watch(producer: types.Producer, parameterSetsInSdp = false) {
  const found: string[] = [];
  const traced: types.ProducerTraceEventData[] = [];
  producer.on('trace', (event) => traced.push(event));
  const onFinding = ({ code }: Finding) => found.push(code);
  const { close } = watchEncoder({ producer, router, parameterSetsInSdp, onFinding });
  const ofType = (type: string) => traced.filter((event) => event.type === type);
  const tracedTypes = async () => (await producer.dump()).traceEventTypes;
  return { producer, close, found, ofType, tracedTypes };
}

const NO_PARAMETER_SETS = '-bsf:v filter_units=remove_types=7-8';
const within = { timeout: 20_000 };

/** H.264 in two layers, with a key frame first and then on request alone, as browsers do. */
async function answering() {
  const transport = await router.createDirectTransport();
  const ssrcs = [1, 2];
  const producer = await transport.produce({
    kind: 'video',
    rtpParameters: { codecs, encodings: ssrcs.map((ssrc) => ({ ssrc })) },
  });
  const keyFrameDue = new Set(ssrcs);
  const watched = watch(producer);
  producer.on('trace', ({ type, info }) => type === 'pli' && keyFrameDue.add(Number(info.ssrc)));
  let frame = 0;
  const timer = setInterval(() => {
    frame += 1;
    for (const ssrc of ssrcs) {
      const packet = Buffer.alloc(400);
      packet.set([0x80, 0x80 | PAYLOAD_TYPE]);
      packet.writeUInt16BE(frame % 65_536, 2);
      packet.writeUInt32BE(frame * 3000, 4);
      packet.writeUInt32BE(ssrc, 8);
      // An SPS, or a slice.
      packet[12] = keyFrameDue.delete(ssrc) ? 0x67 : 0x41;
      producer.send(packet);
    }
  }, 1000 / 30);
  producer.observer.once('close', () => clearInterval(timer));
  return watched;
}

test('what real encoders do wrong is found, and nothing else', async () => {
  const good = await encode({ options: '-profile:v baseline -g 30' });
  const bFrames = await encode({ options: '-bf 2 -g 30' });
  const longInterval = await encode({ options: '-bf 0 -g 250' });
  const bySize = await encode({ picture: 'testsrc', options: `-bf 0 -g 60 ${NO_PARAMETER_SETS}` });
  const bySdp = await encode({ options: `-bf 0 -g 60 ${NO_PARAMETER_SETS}`, parameterSetsInSdp: true });
  const browser = await answering();

  await expect.poll(() => bFrames.found, within).toEqual(['b_frames']);
  await expect.poll(() => bySdp.found, within).toEqual(['parameter_sets']);
  await expect.poll(() => bySize.found, within).toEqual(['parameter_sets']);
  await expect.poll(() => longInterval.found, within).toEqual(['key_frame_ignored', 'key_frame_interval']);

  // By now the others were asked too, and not every packet is traced any more.
  await expect.poll(good.tracedTypes, within).toEqual(['keyframe', 'pli', 'fir']);
  await expect.poll(browser.tracedTypes, within).toEqual(['keyframe', 'pli', 'fir']);
  expect(good.ofType('pli')).toHaveLength(1);
  expect(good.ofType('keyframe').length).toBeGreaterThan(5);
  // All layers.
  expect(new Set(browser.ofType('pli').map(({ info }) => info.ssrc))).toEqual(new Set([1, 2]));
  expect(good.found).toEqual([]);
  expect(browser.found).toEqual([]);
  expect(bFrames.found).toEqual(['b_frames']);
  expect(bySize.found).toEqual(['parameter_sets']);

  good.close();
  good.close();
  expect(await good.tracedTypes()).toEqual([]);
});

/** A screen that stands still: a key frame for who asks, if that is heard, and nothing else. */
async function still({ deafTo }: { deafTo: number }) {
  const transport = await router.createDirectTransport();
  const producer = await transport.produce({
    kind: 'video',
    rtpParameters: { codecs, encodings: [{ ssrc: 1 }] },
  });
  const watched = watch(producer);
  let sent = 0;
  const send = () => {
    const packet = Buffer.alloc(400);
    packet.set([0x80, 0x80 | PAYLOAD_TYPE]);
    packet.writeUInt16BE(++sent, 2);
    packet.writeUInt32BE(sent * 90_000, 4);
    packet.writeUInt32BE(1, 8);
    packet[12] = 0x67;
    producer.send(packet);
  };
  send();
  await expect.poll(() => watched.ofType('keyframe').length).toBe(1);
  let deaf = deafTo;
  producer.on('trace', ({ type }) => {
    if (type === 'pli' && deaf-- <= 0) send();
  });
  return watched;
}

test('a viewer of a screen that stands still gets its picture, though requests are lost', async () => {
  const lost = 4;
  const screen = await still({ deafTo: lost });
  const transport = await router.createDirectTransport();
  const { rtpCapabilities } = router;
  const consumer = await transport.consume({ producerId: screen.producer.id, rtpCapabilities });
  const packets: Buffer[] = [];
  consumer.on('rtp', (packet) => packets.push(packet));
  await expect.poll(() => packets.length, within).toBeGreaterThan(0);
  expect(packets[0] && payloadOf(packets[0])[0]).toBe(0x67);
  expect(screen.ofType('pli').length).toBeGreaterThan(lost);
  transport.close();
});

test('it ends with the producer, at whatever moment that goes', async () => {
  const early = await answering();
  early.producer.close();

  // In the middle of a request for a key frame.
  const closed = await answering();
  const killed = await answering();
  const [onClose, onKill] = [closed, killed].map(
    ({ producer }) =>
      new Promise<void>((resolve) => {
        producer.on('trace', ({ type }) => type === 'pli' && resolve());
      }),
  );
  await onClose;
  closed.producer.close();
  await onKill;
  process.kill(worker.pid, 'SIGKILL');
  await expect.poll(() => killed.producer.closed, within).toBe(true);
  killed.close();

  // Of a producer that is gone already.
  watch(early.producer).close();
});
