import type { types } from 'mediasoup-client';
import type { ConsumerParameters, MediaKind, TransportParameters } from '../../server/protocol/messages.ts';
import type { PharosClientError } from './errors.ts';
import type { Link } from './link.ts';
import { MediaPath } from './media-path.ts';
import { localTransport } from './wire.ts';

/** A new picture that takes longer than this to come is shown, or not, without its predecessor. */
const PATIENCE = 2000;

type Options = {
  link: Link;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  /** These are what there is to play now, instead of all before. */
  onTracks(tracks: readonly MediaStreamTrack[]): void;
  onTrouble(trouble: boolean): void;
  onConnected(): void;
  onLost(reason: PharosClientError): void;
  expectsMedia(): boolean;
  /** Or sound alone, although there may be a track of video. */
  wantsVideo(): boolean;
};

/** A viewer's end of the media: one path, and on it the tracks of one publisher after the other. */
export class Receiver {
  readonly path: MediaPath;
  readonly #transport: types.Transport;
  readonly #onTracks: Options['onTracks'];
  readonly #wantsVideo: Options['wantsVideo'];
  #consumers: types.Consumer[] = [];
  /** Counts what was to be played. */
  #latest = 0;

  constructor(
    transport: TransportParameters,
    { link, iceTransportPolicy, onTracks, wantsVideo, ...events }: Options,
  ) {
    const { conversation, device, welcome } = link;
    const { iceServers } = welcome;
    this.#transport = device.createRecvTransport({
      ...localTransport(transport),
      iceServers,
      iceTransportPolicy,
    });
    this.#onTracks = onTracks;
    this.#wantsVideo = wantsVideo;
    this.path = new MediaPath({ transport: this.#transport, conversation, soonAfterStall: 500, ...events });
  }

  get closed(): boolean {
    return this.#transport.closed;
  }

  /**
   * Plays these tracks from now on. What is on the screen stays until they come; where there is nothing
   * (`empty`), they are handed over ahead of that, so that a player gets ready meanwhile.
   * @returns whether they play: others may have been asked for in the meantime.
   */
  async play(list: readonly ConsumerParameters[], empty: boolean): Promise<boolean> {
    this.#latest += 1;
    const latest = this.#latest;
    const tracks: MediaStreamTrack[] = [];
    // All in one tick: mediasoup-client makes one offer and answer of them.
    const consumers = await Promise.all(
      list.map((consumer) =>
        this.#transport.consume({
          ...consumer,
          onRtpReceiver: ({ track }) => {
            tracks.push(track);
            if (empty) this.#onTracks(tracks);
          },
        }),
      ),
    );
    if (!empty) await comes(tracks, this.#wantsVideo() ? 'video' : 'audio');
    if (latest !== this.#latest || this.closed) {
      for (const consumer of consumers) consumer.close();
      return false;
    }
    this.#onTracks(tracks);
    for (const consumer of this.#consumers) consumer.close();
    this.#consumers = consumers;
    return true;
  }

  /** What is on its way will not come; what plays stays as it is. */
  cancel(): void {
    this.#latest += 1;
  }

  close(): void {
    this.path.close();
  }
}

/** Resolves when there is a picture, or sound where it has or is to have none; or when it takes too long to wait for. */
function comes(tracks: readonly MediaStreamTrack[], preferred: MediaKind): Promise<void> {
  const track = tracks.find(({ kind }) => kind === preferred) ?? tracks[0];
  if (!track?.muted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE);
    track.addEventListener(
      'unmute',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
