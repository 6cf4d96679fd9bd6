import type { types } from 'mediasoup-client';
import type { AnswerOf, MediaKind } from '../../server/protocol/messages.ts';
import { chooseCodec } from './codecs.ts';
import { type PharosClientError, toClientError } from './errors.ts';
import type { Link } from './link.ts';
import { MediaPath } from './media-path.ts';
import {
  type AudioSettings,
  audioProducerOptions,
  replaceProducerTrack,
  type VideoSettings,
  videoProducerOptions,
} from './sending.ts';
import type { Tracks } from './tracks.ts';
import { localTransport, wireRtpParameters } from './wire.ts';

/** How tracks are sent. */
export type SendSettings = {
  video: VideoSettings;
  /** Left out: in mono. */
  audio?: AudioSettings | undefined;
};

type Options = {
  link: Link;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  onTrouble(trouble: boolean): void;
  onConnected(): void;
  onLost(reason: PharosClientError): void;
};

/** A publisher's end of the media: one path, and what is sent on it. */
export class Sender {
  readonly path: MediaPath;
  readonly #transport: types.Transport;
  readonly #device: Link['device'];
  readonly #answer: AnswerOf<'publish'>;
  readonly #producers = new Map<MediaKind, types.Producer>();

  constructor(answer: AnswerOf<'publish'>, { link, iceTransportPolicy, ...events }: Options) {
    const { conversation, device, welcome } = link;
    this.#device = device;
    this.#answer = answer;
    this.#transport = device.createSendTransport({
      ...localTransport(answer.transport),
      iceServers: welcome.iceServers,
      iceTransportPolicy,
    });
    this.#transport.on('produce', ({ kind, rtpParameters }, resolve, reject) => {
      conversation.request('produce', { kind, rtpParameters: wireRtpParameters(rtpParameters) }).then(
        ({ producerId }) => resolve({ id: producerId }),
        (error: unknown) => reject(toClientError(error)),
      );
    });
    this.path = new MediaPath({
      transport: this.#transport,
      conversation,
      // The server's reports.
      expectsMedia: () => true,
      soonAfterStall: 1500,
      ...events,
    });
  }

  /** Sends these, or by the time it comes to that what `latest` says. */
  async send({ video, audio }: Tracks, settings: SendSettings, latest: () => Tracks): Promise<void> {
    if (video) {
      const codec = chooseCodec(this.#device.sendRtpCapabilities, settings.video.codec);
      const producer = await this.#transport.produce(
        videoProducerOptions(video, codec, settings.video, this.#answer),
      );
      this.#producers.set('video', producer);
      // The camera may have been changed in between.
      await replaceProducerTrack(producer, latest().video ?? null, settings.video, this.#answer);
    }
    if (audio) {
      const codec = chooseCodec(this.#device.sendRtpCapabilities, 'opus');
      const producer = await this.#transport.produce(
        audioProducerOptions(audio, codec, settings.audio ?? { stereo: false }, this.#answer),
      );
      this.#producers.set('audio', producer);
      await replaceProducerTrack(producer, latest().audio ?? null, settings.video, this.#answer);
    }
  }

  /** Another track of this kind instead; `null` sends nothing. */
  async replaceTrack(
    kind: MediaKind,
    track: MediaStreamTrack | null,
    settings: VideoSettings,
  ): Promise<void> {
    const producer = this.#producers.get(kind);
    if (producer) await replaceProducerTrack(producer, track, settings, this.#answer);
  }

  close(): void {
    this.path.close();
    this.#producers.clear();
  }
}
