/** What a WHEP player gets carries the numbers of its own offer: packets as they come, nothing in between. */
import { Audio, PeerConnection, type Track, Video } from 'node-datachannel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postOffer } from '../../tools/lib/resource.ts';
import { isRtcp, payloadOf, payloadTypeOf, sequenceOf, ssrcOf } from '../../tools/lib/rtp.ts';
import { RtpSource } from '../../tools/lib/rtp-source.ts';
import { WhipClient } from '../../tools/lib/whip-client.ts';
import { canRewrite } from '../../workers/media/wire.ts';
import { type Here, startHere } from '../helpers/here.ts';
import { media } from '../helpers/media.ts';

const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
const ABS_SEND_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
const TRANSPORT_CC = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
/** None is what mediasoup would choose, and the RTX one is what it would use for VP8 itself. */
const NUMBERS = { opus: 97, vp8: 120, rtx: 101, mid: 4, absSendTime: 11 };

test('the media worker is the one of our build', () => {
  expect(canRewrite()).toBe(true);
});

describe.each(['the home worker', 'another worker'])('on %s', (where) => {
  let here: Here;
  let stop: () => Promise<void>;
  const play = (sections: (Audio | Video)[]) => playFrom(here.url, sections);

  beforeAll(async () => {
    here = await startHere();
    if (where === 'another worker') here.spread();
    const file = await media('vp8');
    const options = { file, loop: true, copy: true, onPacket: () => {} };
    const source = await RtpSource.open(options);
    const client = new WhipClient({ url: new URL(`${here.url}/whip/numbers`), tracks: source.tracks });
    await client.connect();
    source.start({ ...options, onPacket: (kind, packet) => client.send(kind, packet) });
    stop = async () => {
      await source.close();
      await client.close();
    };
  });
  afterAll(async () => {
    const { workers } = here.pool.snapshot();
    await stop();
    await here.stop();
    expect(workers.map(({ pipes }) => pipes)).toEqual(where === 'another worker' ? [1, 1] : [0, 0]);
  });

  test('payload types, header extensions, and those of retransmissions', async () => {
    const audio = new Audio('a', 'RecvOnly');
    audio.addOpusCodec(NUMBERS.opus);
    audio.parseSdpLine(`a=extmap:${NUMBERS.mid} ${MID}`);
    const video = new Video('v', 'RecvOnly');
    video.addVP8Codec(NUMBERS.vp8);
    video.addRTXCodec(NUMBERS.rtx, NUMBERS.vp8, 90_000);
    video.parseSdpLine(`a=extmap:${NUMBERS.mid} ${MID}`);
    video.parseSdpLine(`a=extmap:${NUMBERS.absSendTime} ${ABS_SEND_TIME}`);
    const player = await play([audio, video]);
    const [sound, picture] = player.received;

    await expect.poll(() => sound?.length, { timeout: 10_000 }).toBeGreaterThan(50);
    await expect.poll(() => picture?.length, { timeout: 10_000 }).toBeGreaterThan(50);
    for (const packet of sound ?? []) {
      expect(payloadTypeOf(packet)).toBe(NUMBERS.opus);
      expect(extensionsOf(packet)).toEqual(new Map([[NUMBERS.mid, 'a']]));
    }
    for (const packet of picture ?? []) {
      expect(payloadTypeOf(packet)).toBe(NUMBERS.vp8);
      const extensions = extensionsOf(packet);
      expect([...extensions.keys()].sort()).toEqual([NUMBERS.absSendTime, NUMBERS.mid]);
      expect(extensions.get(NUMBERS.mid)).toBe('v');
    }

    const wanted = picture?.at(-1);
    if (!wanted) throw new Error('no packet');
    player.tracks[1]?.sendMessageBinary(nack(ssrcOf(wanted), sequenceOf(wanted)));
    const resent = () =>
      picture?.find((packet) => payloadTypeOf(packet) === NUMBERS.rtx && payloadOf(packet).length > 2);
    await expect.poll(resent, { timeout: 5000 }).toBeDefined();
    const packet = resent() as Buffer;
    // RFC 4588, section 4: the original sequence number, then the original payload.
    expect(payloadOf(packet).readUInt16BE(0)).toBe(sequenceOf(wanted));
    expect(payloadOf(packet).subarray(2).equals(payloadOf(wanted))).toBe(true);
    expect(ssrcOf(packet)).not.toBe(ssrcOf(wanted));
    player.close();
  });

  test('a player without header extensions gets none', async () => {
    const video = new Video('v', 'RecvOnly');
    video.addVP8Codec(NUMBERS.vp8);
    const player = await play([video]);
    await expect.poll(() => player.received[0]?.length, { timeout: 10_000 }).toBeGreaterThan(20);
    for (const packet of player.received[0] ?? []) expect(extensionsOf(packet).size).toBe(0);
    player.close();
  });

  test('transport-wide feedback is by the number of the offer', async () => {
    const video = new Video('v', 'RecvOnly');
    video.addVP8Codec(NUMBERS.vp8);
    video.parseSdpLine(`a=rtcp-fb:${NUMBERS.vp8} transport-cc`);
    video.parseSdpLine(`a=extmap:7 ${TRANSPORT_CC}`);
    const player = await play([video]);
    await expect.poll(() => player.received[0]?.length, { timeout: 10_000 }).toBeGreaterThan(50);
    // Each packet has the next number: those that probe for bandwidth, before the first picture, too.
    const numbers = (player.received[0] ?? []).map((packet) =>
      Buffer.from(extensionsOf(packet).get(7) ?? '', 'latin1').readUInt16BE(0),
    );
    expect(numbers).toEqual(numbers.map((_, index) => ((numbers[0] ?? 0) + index) & 0xffff));
    player.close();
  });
});

type Player = { tracks: Track[]; received: Buffer[][]; close(): void };

async function playFrom(url: string, sections: (Audio | Video)[]): Promise<Player> {
  const connection = new PeerConnection('wire', { iceServers: [], disableAutoNegotiation: true });
  const received: Buffer[][] = [];
  const tracks = sections.map((section, index) => {
    const track = connection.addTrack(section);
    received[index] = [];
    track.onMessage((packet) => {
      if (!isRtcp(packet)) received[index]?.push(Buffer.from(packet));
    });
    return track;
  });
  connection.setLocalDescription('offer');
  await expect.poll(() => connection.gatheringState()).toBe('complete');
  const { answer } = await postOffer(
    new URL(`${url}/whep/numbers`),
    connection.localDescription()?.sdp ?? '',
  );
  connection.setRemoteDescription(answer, 'answer');
  return { tracks, received, close: () => connection.close() };
}

/** Header extensions by id (RFC 8285, section 4.2), padding left out. */
function extensionsOf(packet: Buffer): Map<number, string> {
  const found = new Map<number, string>();
  if (((packet[0] ?? 0) & 0x10) === 0) return found;
  const start = 12 + 4 * ((packet[0] ?? 0) & 0x0f);
  expect(packet.readUInt16BE(start)).toBe(0xbede);
  const end = start + 4 + 4 * packet.readUInt16BE(start + 2);
  for (let at = start + 4; at < end; ) {
    const head = packet[at] ?? 0;
    if (head === 0) {
      at += 1;
      continue;
    }
    const length = (head & 0x0f) + 1;
    found.set(head >> 4, packet.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return found;
}

/** A generic NACK for one packet (RFC 4585, section 6.2.1). */
function nack(ssrc: number, sequence: number): Buffer {
  const packet = Buffer.alloc(16);
  packet.writeUInt8(0x81, 0);
  packet.writeUInt8(205, 1);
  packet.writeUInt16BE(3, 2);
  packet.writeUInt32BE(1, 4);
  packet.writeUInt32BE(ssrc, 8);
  packet.writeUInt16BE(sequence, 12);
  return packet;
}
