import type { CameraSettings, Config } from '../../config/schema.ts';
import { parseCameraUrl } from '../base/camera-url.ts';
import { PharosError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Registry, Reservation } from '../streams/registry.ts';
import { type AddressRule, allowedNetworks, anyAddress } from './address.ts';
import { Camera, type CameraSource, type CameraState, type CameraStatus } from './camera.ts';
import { examine } from './examine.ts';
import { CameraFault } from './fault.ts';
import { CameraPull } from './pull.ts';
import { CameraStore } from './store.ts';

type Options = { config: Config; logger: Logger; registry: Registry };

/** Many processes started at once would each be slow. */
const START_INTERVAL_MS = 100;

/** All cameras: the configuration's, and those added while running. */
export class Cameras {
  readonly #options: Options;
  readonly #store: CameraStore;
  readonly #allowed: AddressRule;
  readonly #cameras = new Map<string, Camera>();
  readonly #starting = new Set<NodeJS.Timeout>();
  /** How often a camera that was being pulled was lost, and its ffmpeg replaced. */
  #restarts = 0;
  readonly #onDemand = (streamId: string) => this.#cameras.get(streamId)?.registryOnDemand();
  #closed = false;

  private constructor(options: Options) {
    this.#options = options;
    this.#store = new CameraStore(options.config.dataDirectory);
    this.#allowed = allowedNetworks(options.config.cameraNetworks);
  }

  /** @throws ConfigError if the file of those added cannot be used. */
  static create(options: Options): Cameras {
    const cameras = new Cameras(options);
    for (const settings of options.config.cameras) cameras.#take(settings, 'config');
    for (const settings of cameras.#store.load()) cameras.#restore(settings);
    return cameras;
  }

  /** Begins to pull those that are not on demand, one after the other, and from now on those that are. */
  start(): void {
    this.#options.registry.on('demand', this.#onDemand);
    for (const [index, camera] of [...this.#cameras.values()].entries()) {
      const timer = setTimeout(() => {
        this.#starting.delete(timer);
        camera.start();
      }, index * START_INTERVAL_MS);
      this.#starting.add(timer);
    }
  }

  list(): CameraStatus[] {
    return [...this.#cameras.values()].map((camera) => camera.status());
  }

  get(stream: string): CameraStatus | undefined {
    return this.#cameras.get(stream)?.status();
  }

  /** Figures for health and metrics. */
  snapshot(): { states: Record<CameraState, number>; restarts: number } {
    const states = { idle: 0, connecting: 0, live: 0, retrying: 0, failed: 0 };
    for (const camera of this.#cameras.values()) states[camera.state] += 1;
    return { states, restarts: this.#restarts };
  }

  /**
   * Adds a camera and keeps it. One that is off just now is added as well.
   * @throws PharosError `stream_in_use`, `server_full`; `bad_request` where its address is not allowed or the
   *   camera refuses; `unsupported_codec` for what it sends.
   */
  async add(settings: CameraSettings): Promise<CameraStatus> {
    const { config, registry } = this.#options;
    if (this.#closed) throw new PharosError('server_closing', 'the server is shutting down');
    if (this.#cameras.size >= config.limits.cameras) {
      throw new PharosError('server_full', 'this server has as many cameras as it may have (limits.cameras)');
    }
    const reservation = registry.reserve(settings.stream);
    const camera = this.#make(settings, 'api', reservation);
    this.#cameras.set(settings.stream, camera);
    try {
      await this.#check(camera);
      if (this.#cameras.get(settings.stream) !== camera) throw notFound();
      await this.#save();
    } catch (error) {
      await this.#drop(camera);
      throw refusal(error);
    }
    this.#options.logger.info({ streamId: settings.stream }, 'camera added');
    camera.start();
    return camera.status();
  }

  /** @throws PharosError `stream_not_found`, `wrong_order` for one of the configuration. */
  async remove(stream: string): Promise<void> {
    const camera = this.#cameras.get(stream);
    if (!camera) throw notFound();
    if (camera.source === 'config') {
      throw new PharosError(
        'wrong_order',
        'this camera is in the configuration; take it out there and restart the server',
      );
    }
    await this.#drop(camera);
    await this.#save();
    this.#options.logger.info({ streamId: stream }, 'camera removed');
  }

  /** Resolves when all their processes are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#options.registry.off('demand', this.#onDemand);
    for (const timer of this.#starting) clearTimeout(timer);
    await Promise.all([...this.#cameras.values()].map((camera) => camera.close('server_closing')));
  }

  #restore(settings: CameraSettings): void {
    const { config, logger } = this.#options;
    if (this.#cameras.size < config.limits.cameras && !this.#cameras.has(settings.stream)) {
      this.#take(settings, 'api');
    } else {
      logger.warn(
        { streamId: settings.stream },
        'camera left out: too many, or the configuration has one of this stream',
      );
    }
  }

  #take(settings: CameraSettings, source: CameraSource): void {
    const reservation = this.#options.registry.reserve(settings.stream);
    this.#cameras.set(settings.stream, this.#make(settings, source, reservation));
  }

  #make(settings: CameraSettings, source: CameraSource, reservation: Reservation): Camera {
    const { config, logger, registry } = this.#options;
    const url = parseCameraUrl(settings.url);
    if (!url) throw new Error('the schema let an address through that is none');
    const allowed = source === 'config' ? anyAddress : this.#allowed;
    return new Camera({
      settings,
      url,
      source,
      reservation,
      logger,
      viewers: () => registry.viewerCount(settings.stream),
      pull: async (attempt) => {
        const options = { camera: settings, url, allowed, reservation, config, logger };
        const pull = await CameraPull.create({ ...attempt, ...options });
        pull.on('ended', () => {
          this.#restarts += 1;
        });
        return pull;
      },
    });
  }

  /** So that what is wrong is told to whoever adds it. That it is off is nothing wrong. */
  async #check({ settings, url }: Camera): Promise<void> {
    try {
      const { media } = this.#options.config;
      await examine({ camera: settings, url, allowed: this.#allowed, media });
    } catch (error) {
      if (!(error instanceof CameraFault && error.passing)) throw error;
    }
  }

  async #drop(camera: Camera): Promise<void> {
    if (this.#cameras.get(camera.settings.stream) === camera) this.#cameras.delete(camera.settings.stream);
    await camera.close('stopped');
  }

  async #save(): Promise<void> {
    const added = [...this.#cameras.values()].filter(({ source }) => source === 'api');
    await this.#store.save(added.map(({ settings }) => settings));
  }
}

function notFound(): PharosError {
  return new PharosError('stream_not_found', 'there is no camera of this stream');
}

function refusal(error: unknown): unknown {
  if (!(error instanceof CameraFault)) return error;
  const code = error.code === 'source_refused' ? 'bad_request' : 'unsupported_codec';
  return new PharosError(code, code === 'bad_request' ? `url: ${error.message}` : error.message, {
    cause: error,
  });
}
