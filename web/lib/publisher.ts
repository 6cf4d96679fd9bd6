import type { MediaKind, Notice } from '../../server/protocol/messages.ts';
import { sharedVideoCodecs, type VideoCodec } from './codecs.ts';
import type { Health } from './diagnosis.ts';
import { Emitter } from './emitter.ts';
import { Prepared } from './link.ts';
import { Observed } from './observed.ts';
import type { PublishOptions } from './publish-leg.ts';
import {
  type Audience,
  NO_NOTICES,
  type Published,
  type PublisherEvents,
  type PublisherFacts,
  type PublisherState,
} from './publisher-facts.ts';
import { PublisherWatch } from './publisher-watch.ts';
import { Publishing } from './publishing.ts';

export type PublisherOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  /** The publish key, where the server asks for one. */
  key?: string | undefined;
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
};

/** Sends camera and microphone as a stream until `stop()`, and begins anew by itself after a loss. Tracks stay the caller's. */
export class Publisher extends Emitter<PublisherEvents> {
  /** Sent with the next `publish()`. */
  key: string | undefined;
  readonly #options: Omit<PublisherOptions, 'key'>;
  readonly #connection: Prepared;
  readonly #facts: PublisherFacts = {
    state: new Observed<PublisherState>({ name: 'idle' }, (state) => {
      this.emit('state', state);
      this.#watch?.update();
    }),
    viewers: new Observed(0, (count) => this.emit('viewers', count)),
    trouble: new Observed(false, (trouble) => {
      this.emit('trouble', trouble);
      this.#watch?.update();
    }),
    interrupted: new Observed(false, (interrupted) => {
      this.emit('interrupted', interrupted);
      this.#watch?.update();
    }),
    notices: new Observed(NO_NOTICES, (notices) => this.emit('notices', notices)),
    audience: new Observed<Audience | undefined>(undefined, (audience) => {
      this.emit('audience', audience);
      this.#watch?.update();
    }),
    health: new Observed<Health | undefined>(undefined, (health) => this.emit('health', health)),
  };
  /** The last one, over or not. */
  #publishing: Publishing | undefined;
  #watch: PublisherWatch | undefined;

  constructor({ key, ...options }: PublisherOptions) {
    super();
    this.key = key;
    this.#options = options;
    this.#connection = new Prepared(options.url, 'send');
  }

  get state(): PublisherState {
    return this.#facts.state.value;
  }

  get viewers(): number {
    return this.#facts.viewers.value;
  }

  get notices(): readonly Notice[] {
    return this.#facts.notices.value;
  }

  get trouble(): boolean {
    return this.#facts.trouble.value;
  }

  get interrupted(): boolean {
    return this.#facts.interrupted.value;
  }

  get audience(): Audience | undefined {
    return this.#facts.audience.value;
  }

  get health(): Health | undefined {
    return this.#facts.health.value;
  }

  /**
   * Opens the connection ahead of `publish()`; tells whether publishing from here takes a key, and the video
   * codecs that both the server and this browser have.
   */
  async prepare(): Promise<{ keyNeeded: boolean; videoCodecs: VideoCodec[] }> {
    const { welcome, device } = await this.#connection.open().link;
    return { keyNeeded: welcome.keyNeeded, videoCodecs: sharedVideoCodecs(device.sendRtpCapabilities) };
  }

  /** Resolves when the stream is live; rejects if it cannot be. Later losses are mended and told by the state. */
  publish(options: PublishOptions): Promise<Published> {
    this.stop();
    const publishing = new Publishing(options, {
      connection: this.#connection,
      facts: this.#facts,
      key: () => this.key,
      iceTransportPolicy: this.#options.iceTransportPolicy,
      onOver: () => watch.close(),
    });
    const watch = this.#lookAfter(publishing);
    this.#publishing = publishing;
    this.#watch = watch;
    return publishing.start();
  }

  /** Another camera or microphone, without interrupting; `null` sends nothing of this kind. */
  async replaceTrack(kind: MediaKind, track: MediaStreamTrack | null): Promise<void> {
    await this.#publishing?.replaceTrack(kind, track);
  }

  /** The stream is called something else from now on; '' is no title. Rejects if the server refuses it. */
  async setTitle(title: string): Promise<void> {
    await this.#publishing?.setTitle(title);
  }

  stop(): void {
    this.#publishing?.stop();
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#publishing?.getStats();
  }

  #lookAfter(publishing: Publishing): PublisherWatch {
    const { state, trouble, interrupted, audience, health } = this.#facts;
    return new PublisherWatch({
      sent: () => publishing.sent,
      observe: () => ({
        state: state.value.name,
        trouble: trouble.value,
        interrupted: interrupted.value,
        audience: audience.value,
        video: publishing.videoTrack?.enabled === true,
      }),
      onStats: (stats) => this.emit('stats', stats),
      onHealth: (found) => {
        health.value = found;
      },
    });
  }
}
