/** `/api/live`: what the operator's dashboard shows, pushed to it once a second while one is open. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Config } from '../../../config/schema.ts';
import type { Admission } from '../../auth/admission.ts';
import type { Authority } from '../../auth/authority.ts';
import { Endpoint, type From } from '../../auth/endpoint.ts';
import type { Logger } from '../../base/logger.ts';
import type { About } from '../../protocol/live.ts';
import type { Publisher } from '../../streams/publisher.ts';
import type { Registry } from '../../streams/registry.ts';
import type { Viewer } from '../../streams/viewer.ts';
import { lookAt } from './audience.ts';
import { Changes, fullUpdate, type View } from './changes.ts';
import { LiveClient } from './client.ts';
import { type Known, streamRow } from './overview.ts';
import { PictureSizes } from './picture-sizes.ts';
import { Samples } from './samples.ts';
import type { ServerView } from './server-view.ts';

type Options = {
  config: Config;
  logger: Logger;
  registry: Registry;
  authority: Authority;
  admission: Admission;
  about(): About;
  /** All but the streams. */
  server: Pick<ServerView, 'look'>;
} & Pick<Known, 'isRecorded' | 'isCamera'>;

const TICK_MS = 1000;
/** A few operators with a few pages each. */
const MOST_CLIENTS = 50;
/** A key, and what stands around it. */
const FRAMES = { maxPayload: 8192, maxFragments: 8, maxBufferedChunks: 64 };

export class Dashboard {
  readonly #options: Options;
  readonly #endpoint: Endpoint<LiveClient>;
  /** Those whose key holds, and whether they know what was told before. */
  readonly #clients = new Map<LiveClient, { upToDate: boolean }>();
  readonly #samples = new Samples();
  readonly #sizes = new PictureSizes();
  #changes = new Changes();
  #timer: NodeJS.Timeout | undefined;
  /** How often it was worked out, and in how much CPU time of this process, in ms: for whoever measures. */
  readonly cost = { ticks: 0, ms: 0 };

  constructor(options: Options) {
    const { config, admission } = options;
    this.#options = options;
    this.#endpoint = new Endpoint<LiveClient>({
      config,
      admission,
      frames: FRAMES,
      unavailable: () => (this.#endpoint.size >= MOST_CLIENTS ? { code: 'server_full' } : undefined),
      create: (ws, from) => this.#createClient(ws, from),
      onCrowded: () => admission.refused('too_many_requests'),
      onLeave: (client) => this.#clientOnLeave(client),
    });
  }

  /** Takes over a connection that asks to become a WebSocket. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#endpoint.upgrade(request, stream, head);
  }

  close(): void {
    this.#endpoint.close();
    this.#rest();
  }

  /** Ends what pages did not close themselves. */
  terminate(): void {
    this.#endpoint.terminate();
  }

  #createClient(ws: WebSocket, { address, local }: From): LiveClient {
    const { logger, authority, admission } = this.#options;
    return new LiveClient({
      ws,
      logger,
      authorize: (token) => authority.authorize('administer', undefined, { token, address, local }),
      onWelcome: (welcome) => this.#clientOnWelcome(welcome),
      onOpen: (opened) => this.#clientOnOpen(opened),
      onRefusal: (code) => admission.refused(code),
    });
  }

  #clientOnLeave(client: LiveClient): void {
    this.#clients.delete(client);
    if (this.#clients.size === 0) this.#rest();
  }

  #clientOnWelcome(client: LiveClient): void {
    client.send({ type: 'welcome', about: this.#options.about() });
    this.#clients.set(client, { upToDate: false });
    // At once, and those of other pages with it, so that one view of before is enough for all.
    this.#look();
    this.#timer ??= setInterval(() => this.#look(), TICK_MS);
  }

  #clientOnOpen(client: LiveClient): void {
    if (client.stream !== null) this.#tellOfStreams([client]);
  }

  /** Nobody looks: nothing is worked out, and nothing is remembered. */
  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#changes = new Changes();
  }

  /** A fault in what is only looked at is no reason to take all streams down. */
  #look(): void {
    try {
      this.#tick();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'dashboard failed');
    }
  }

  #tick(): void {
    const before = process.cpuUsage();
    const now = Date.now();
    const view = this.#view();
    const update = JSON.stringify(this.#changes.next(view, now));
    let full: string | undefined;
    for (const [client, known] of this.#clients) {
      if (!known.upToDate) full ??= JSON.stringify(fullUpdate(view, now));
      known.upToDate = client.offer(known.upToDate ? update : (full ?? update));
    }
    const shown = this.#tellOfStreams([...this.#clients.keys()]);
    this.#samples.take(this.#publishers(), shown, now);
    this.#sizes.take(this.#publishers(), now);
    const { user, system } = process.cpuUsage(before);
    this.cost.ticks += 1;
    this.cost.ms += (user + system) / 1000;
  }

  #view(): View {
    const { registry, server, isCamera, isRecorded } = this.#options;
    const known: Known = { samples: this.#samples, sizes: this.#sizes, isRecorded, isCamera };
    const streams = [...registry.streams.values()].map((stream) => streamRow(stream, known));
    const bitrates = streams.flatMap(({ publisher }) => publisher?.bitrate ?? []);
    const received = bitrates.length > 0 ? bitrates.reduce((sum, each) => sum + each, 0) : null;
    return { parts: server.look(received), streams };
  }

  /** @returns the viewers that are told of. */
  #tellOfStreams(clients: readonly LiveClient[]): Viewer[] {
    const all: Viewer[] = [];
    for (const id of new Set(clients.flatMap(({ stream }) => stream ?? []))) {
      const stream = this.#options.registry.streams.get(id);
      const looked = stream && lookAt(stream, this.#samples, Date.now());
      all.push(...(looked?.shown ?? []));
      const text = JSON.stringify({ type: 'stream', stream: id, detail: looked?.detail ?? null });
      for (const client of clients) if (client.stream === id) client.offer(text);
    }
    return all;
  }

  *#publishers(): Iterable<Publisher> {
    for (const { publisher } of this.#options.registry.streams.values()) if (publisher) yield publisher;
  }
}
