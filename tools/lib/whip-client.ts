/** Publishes RTP packets made elsewhere by WHIP (RFC 9725). */
import { Audio, Video } from 'node-datachannel';
import { Peer } from './peer.ts';
import type { Resource, ResourceOptions } from './resource.ts';
import { isRtcp, type MediaKind, type RtpTrack } from './rtp.ts';
import { Sending } from './sending.ts';

const REPORT_INTERVAL = 1_000;
/** A receiver of media reports at least every five seconds (RFC 3550, section 6.2). */
const SILENCE = 15_000;

export type WhipOptions = ResourceOptions & {
  url: URL;
  tracks: readonly RtpTrack[];
  cname?: string;
  /** H.264's profile and level as offered. Servers compare it with what they carry; decoders look at the stream. */
  profileLevelId?: string;
  onKeyFrameRequest?: () => void;
  /** The connection is over, by no doing of ours. */
  onLost?: (reason: string) => void;
};

export type WhipStats = { packets: number; octets: number; resent: number };

export class WhipClient {
  readonly #options: WhipOptions;
  readonly #peer: Peer;
  readonly #sending = new Map<MediaKind, Sending>();
  #reports: NodeJS.Timeout | undefined;
  #heard = 0;
  #lost = false;

  constructor(options: WhipOptions) {
    this.#options = options;
    const { token, signal, tracks, cname = 'pharos' } = options;
    this.#peer = new Peer('whip', { token, signal, onLost: (reason) => this.#peerOnLost(reason) });
    for (const track of tracks) {
      const sink = this.#peer.addTrack(describe(track, cname, options.profileLevelId));
      this.#sending.set(track.kind, new Sending(track, cname, sink));
      sink.onMessage((packet) => this.#trackOnMessage(track.kind, packet));
    }
  }

  /** Resolves when media can be sent. @throws {Refused} */
  async connect(): Promise<Resource> {
    try {
      await this.#peer.connect(this.#options.url);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#heard = Date.now();
    this.#reports = setInterval(() => this.#report(), REPORT_INTERVAL);
    return this.#peer.resource as Resource;
  }

  /** A packet of RTP with the payload type and SSRC of that kind's track. Before connect() is through it is dropped. */
  send(kind: MediaKind, packet: Buffer): void {
    if (this.#reports) this.#sending.get(kind)?.send(packet);
  }

  stats(): WhipStats {
    const all = [...this.#sending.values()];
    const sum = (field: keyof WhipStats) => all.reduce((total, sending) => total + sending[field], 0);
    return { packets: sum('packets'), octets: sum('octets'), resent: sum('resent') };
  }

  /** Ends the session at the server too. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#reports);
    this.#reports = undefined;
    for (const sending of this.#sending.values()) sending.close();
    await this.#peer.close();
  }

  #trackOnMessage(kind: MediaKind, packet: Buffer): void {
    if (!isRtcp(packet)) return;
    this.#heard = Date.now();
    if (this.#sending.get(kind)?.feedback(packet)) this.#options.onKeyFrameRequest?.();
  }

  #report(): void {
    const now = Date.now();
    for (const sending of this.#sending.values()) sending.report(now);
    if (now - this.#heard > SILENCE) this.#peerOnLost('the server is silent');
  }

  #peerOnLost(reason: string): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#options.onLost?.(reason);
  }
}

function describe(track: RtpTrack, cname: string, profileLevelId = '42e01f'): Audio | Video {
  const { kind, codec, payloadType, ssrc } = track;
  const media = kind === 'audio' ? audio(payloadType) : video(codec, payloadType, profileLevelId);
  media.addSSRC(ssrc, cname, 'pharos', kind);
  return media;
}

function audio(payloadType: number): Audio {
  const media = new Audio('audio', 'SendOnly');
  // RFC 7587, section 7.1: without sprop-stereo a receiver may take it for mono.
  media.addOpusCodec(payloadType, 'minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1');
  return media;
}

function video(codec: RtpTrack['codec'], payloadType: number, profileLevelId: string): Video {
  const media = new Video('video', 'SendOnly');
  if (codec === 'VP8') media.addVP8Codec(payloadType);
  else {
    const format = `profile-level-id=${profileLevelId};packetization-mode=1;level-asymmetry-allowed=1`;
    media.addH264Codec(payloadType, format);
  }
  return media;
}
