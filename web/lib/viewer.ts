import type { Source } from '../../server/protocol/messages.ts';
import type { ViewerDiagnosis } from './diagnosis.ts';
import { Emitter } from './emitter.ts';
import { LayerChoice, type ReceivedLayers, type VideoWish } from './layers.ts';
import { Prepared } from './link.ts';
import { Observed } from './observed.ts';
import type { ViewerEvents, ViewerFacts, ViewerState } from './viewer-facts.ts';
import { ViewerWatch } from './viewer-watch.ts';
import { Watching } from './watching.ts';

export type ViewerOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  iceTransportPolicy?: RTCIceTransportPolicy | undefined;
};

export type WatchOptions = {
  /** By what a private stream may be watched. */
  key?: string | undefined;
};

/** Receives a stream and goes on receiving it, whatever happens to connection and publisher, until `stop()`. */
export class Viewer extends Emitter<ViewerEvents> {
  /** Always the same object; tracks come and go. */
  readonly mediaStream = new MediaStream();
  readonly #options: ViewerOptions;
  readonly #connection: Prepared;
  readonly #facts: ViewerFacts = {
    state: new Observed<ViewerState>({ name: 'idle' }, (state) => this.emit('state', state)),
    viewers: new Observed(0, (count) => this.emit('viewers', count)),
    trouble: new Observed(false, (trouble) => this.emit('trouble', trouble)),
    interrupted: new Observed(false, (interrupted) => this.emit('interrupted', interrupted)),
    title: new Observed('', (title) => this.emit('title', title)),
    source: new Observed<Source | undefined>(undefined, (source) => this.emit('source', source)),
    diagnosis: new Observed<ViewerDiagnosis>('ok', (found) => this.emit('diagnosis', found)),
  };
  readonly #choice = new LayerChoice((layers) => this.emit('layers', layers));
  /** The last one, over or not. */
  #watching: Watching | undefined;

  constructor(options: ViewerOptions) {
    super();
    this.#options = options;
    this.#connection = new Prepared(options.url, 'recv');
  }

  get state(): ViewerState {
    return this.#facts.state.value;
  }

  get viewers(): number {
    return this.#facts.viewers.value;
  }

  get trouble(): boolean {
    return this.#facts.trouble.value;
  }

  get interrupted(): boolean {
    return this.#facts.interrupted.value;
  }

  get layers(): ReceivedLayers | undefined {
    return this.#choice.layers;
  }

  /** The largest layer that this device decodes fast enough; undefined: it has had no trouble with any. */
  get decoderLimit(): number | undefined {
    return this.#choice.limited;
  }

  get title(): string {
    return this.#facts.title.value;
  }

  get source(): Source | undefined {
    return this.#facts.source.value;
  }

  get diagnosis(): ViewerDiagnosis {
    return this.#facts.diagnosis.value;
  }

  /** Of the video none, or no larger picture than that layer's: now, after a reconnect, of a publisher to come. */
  prefer(wish: VideoWish): void {
    this.#choice.prefer(wish);
  }

  /** Opens the connection ahead of `watch()`, which then takes a round trip less. */
  prepare(): void {
    this.#connection.open();
  }

  /**
   * Resolves when the stream plays or is waited for; rejects if neither is
   * possible. Later losses are mended and told by the state.
   */
  watch(stream: string, { key }: WatchOptions = {}): Promise<void> {
    this.#watching?.stop();
    const watching: Watching = new Watching({
      ...{ stream, key, connection: this.#connection, mediaStream: this.mediaStream },
      facts: this.#facts,
      choice: this.#choice,
      iceTransportPolicy: this.#options.iceTransportPolicy,
      onTracks: () => this.emit('tracks', this.mediaStream),
      onUnplayable: (unplayable) => this.emit('unplayable', unplayable),
      onDrop: () => watch.reset(),
      onOver: () => watch.close(),
    });
    const watch = this.#lookAfter(watching);
    this.#watching = watching;
    this.#facts.title.value = '';
    return watching.start();
  }

  stop(): void {
    this.#watching?.stop();
    this.#connection.close();
    if (this.state.name !== 'idle') this.#facts.state.value = { name: 'idle' };
  }

  /** To be called when the first frame is on the screen: the server is told, in a while, how long that took. */
  reportFirstFrame(): void {
    this.#watching?.reportFirstFrame();
  }

  /** The peer connection's statistics; undefined while there is none. */
  async getStats(): Promise<RTCStatsReport | undefined> {
    return this.#watching?.getStats();
  }

  #lookAfter(watching: Watching): ViewerWatch {
    return new ViewerWatch({
      watched: () => watching.watched,
      source: () => this.source,
      choice: this.#choice,
      onStats: (stats) => this.emit('stats', stats),
      onDiagnosis: (diagnosis) => {
        this.#facts.diagnosis.value = diagnosis;
      },
    });
  }
}
