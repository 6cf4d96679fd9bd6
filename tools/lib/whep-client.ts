/** Watches by WHEP (draft-ietf-wish-whep): offers to receive, and hands out the packets that come. */
import { Audio, RtcpReceivingSession, type Track, Video } from 'node-datachannel';
import { parse } from 'sdp-transform';
import { Peer } from './peer.ts';
import type { Resource, ResourceOptions } from './resource.ts';
import { isRtp, type MediaKind, payloadTypeOf, type RtpTrack } from './rtp.ts';

const OPUS = 111;
const H264 = 102;
const VP8 = 96;

export type WhepOptions = ResourceOptions & {
  url: URL;
  /** What it wants; default both. */
  kinds?: readonly MediaKind[];
  onPacket?: (kind: MediaKind, packet: Buffer) => void;
  onLost?: (reason: string) => void;
};

export class WhepClient {
  readonly #options: WhepOptions;
  readonly #peer: Peer;
  readonly #tracks = new Map<MediaKind, Track>();
  #codecs = new Map<number, RtpTrack['codec']>();

  constructor(options: WhepOptions) {
    this.#options = options;
    const { token, signal, onLost, onPacket, kinds = ['audio', 'video'] } = options;
    this.#peer = new Peer('whep', { token, signal, onLost });
    for (const kind of kinds) {
      const track = this.#peer.addTrack(kind === 'audio' ? audio() : video());
      // Reports what arrives, and asks for key frames; without it packets would come raw, RTCP among them.
      track.setMediaHandler(new RtcpReceivingSession());
      if (onPacket) track.onMessage((packet) => isRtp(packet) && onPacket(kind, packet));
      this.#tracks.set(kind, track);
    }
  }

  /** Resolves when ICE and DTLS are through: media is on its way. @throws {Refused} */
  async connect(): Promise<Resource> {
    try {
      await this.#peer.connect(this.#options.url);
    } catch (error) {
      await this.close();
      throw error;
    }
    const resource = this.#peer.resource as Resource;
    this.#codecs = codecsOf(resource.answer);
    return resource;
  }

  /** What a packet's payload type stands for, by the answer. */
  codecOf(packet: Buffer): RtpTrack['codec'] | undefined {
    return this.#codecs.get(payloadTypeOf(packet));
  }

  requestKeyFrame(): void {
    this.#tracks.get('video')?.requestKeyframe();
  }

  /** Ends the session at the server too. Idempotent. */
  close(): Promise<void> {
    return this.#peer.close();
  }
}

function audio(): Audio {
  const media = new Audio('audio', 'RecvOnly');
  media.addOpusCodec(OPUS, 'minptime=10;useinbandfec=1;stereo=1');
  return media;
}

function video(): Video {
  const media = new Video('video', 'RecvOnly');
  media.addVP8Codec(VP8);
  media.addH264Codec(H264, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1');
  return media;
}

function codecsOf(answer: string): Map<number, RtpTrack['codec']> {
  const known = new Map<string, RtpTrack['codec']>([
    ['opus', 'opus'],
    ['h264', 'H264'],
    ['vp8', 'VP8'],
  ]);
  const maps = parse(answer).media.flatMap(({ rtp }) => rtp);
  return new Map(
    maps.flatMap(({ payload, codec }) => {
      const found = known.get(codec.toLowerCase());
      return found ? [[payload, found] as const] : [];
    }),
  );
}
