import type { CameraSettings } from '../../config/schema.ts';
import { type CameraUrl, cameraEndpoint } from '../base/camera-url.ts';
import { PharosError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { EndReason } from '../protocol/codes.ts';
import type { Reservation } from '../streams/registry.ts';
import { Backoff } from './backoff.ts';
import { CameraFault } from './fault.ts';
import type { Learnt, PullEvents } from './pull.ts';
import type { Plan } from './tracks.ts';

export type CameraState =
  /** On demand, and nobody watches. */
  | 'idle'
  | 'connecting'
  | 'live'
  /** It failed for a reason that may pass, and is tried again soon. */
  | 'retrying'
  /** It failed for a reason that somebody has to do something about, and is tried again now and then. */
  | 'failed';

export type CameraSource = 'config' | 'api';

/** What may be seen of a camera; nothing of its address that could be secret. */
export type CameraStatus = Omit<CameraSettings, 'url'> & {
  url: string;
  source: CameraSource;
  state: CameraState;
  /** Since when, as ISO 8601. */
  since: string;
  /** What is wrong with it, or was when it was tried last. */
  error: string | null;
  /** What is done with its tracks, while it is pulled. */
  tracks: { video?: Treatment; audio?: Treatment } | null;
  viewers: number;
};
type Treatment = 'copy' | 'encode';

/** What a camera needs of a pull; see pull.ts. */
export type Pulling = {
  readonly plan: Plan;
  on<E extends keyof PullEvents>(event: E, listener: (...args: PullEvents[E]) => void): unknown;
  close(reason: EndReason): Promise<void>;
};

export type CameraOptions = {
  settings: CameraSettings;
  url: CameraUrl;
  source: CameraSource;
  reservation: Reservation;
  viewers: () => number;
  pull: (options: { learnt: Learnt; signal: AbortSignal }) => Promise<Pulling>;
  logger: Logger;
  random?: () => number;
};

/** From the last viewer's leaving to the camera's end: long enough to reload a page. */
const LINGER_MS = 10_000;
const SOON = { firstMs: 1000, mostMs: 30_000 };
/** Cameras lock users out for a few wrong passwords in a row. */
const SLOW = { firstMs: 60_000, mostMs: 600_000 };
/** What lasted this long begins anew with its delays. */
const STABLE_MS = 30_000;

/** A camera under its stream id: pulled always or on demand, and again when it fails. */
export class Camera {
  readonly #options: CameraOptions;
  readonly #soon: Backoff;
  readonly #slow: Backoff;
  #state: CameraState = 'idle';
  #since = new Date();
  #fault: CameraFault | undefined;
  /** No new attempt before, whoever asks. */
  #notBefore = 0;
  #learnt: Learnt = { bFrames: false, needsThoroughProbing: false };
  #attempt: AbortController | undefined;
  #pull: Pulling | undefined;
  #liveAt = 0;
  #retry: NodeJS.Timeout | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** Settles when what was begun before is gone: a camera may allow but one connection. */
  #before: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: CameraOptions) {
    this.#options = options;
    this.#soon = new Backoff({ ...SOON, random: options.random });
    this.#slow = new Backoff({ ...SLOW, random: options.random });
  }

  get settings(): CameraSettings {
    return this.#options.settings;
  }

  get url(): CameraUrl {
    return this.#options.url;
  }

  get source(): CameraSource {
    return this.#options.source;
  }

  get state(): CameraState {
    return this.#state;
  }

  status(): CameraStatus {
    const { settings, url, source, viewers } = this.#options;
    const plan = this.#pull?.plan;
    return {
      ...settings,
      url: cameraEndpoint(url),
      source,
      state: this.#state,
      since: this.#since.toISOString(),
      error: this.#fault?.message ?? null,
      tracks: plan
        ? { ...(plan.video && { video: plan.video }), ...(plan.audio && { audio: plan.audio }) }
        : null,
      viewers: viewers(),
    };
  }

  /** Begins to pull, unless it is on demand and nobody watches. */
  start(): void {
    if (this.#state === 'idle' && !this.#closed && this.#wanted()) this.#begin();
  }

  /** A viewer came or went. */
  registryOnDemand(): void {
    if (this.#closed) return;
    if (this.#wanted()) {
      clearTimeout(this.#linger);
      this.#linger = undefined;
      this.start();
    } else if (this.#state !== 'idle') {
      this.#linger ??= setTimeout(() => this.#rest(), LINGER_MS);
    }
  }

  /** Ends it for good; resolves when its process is gone. */
  async close(reason: EndReason): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#stop(reason);
      this.#options.reservation.tell(undefined);
      this.#options.reservation.release();
    }
    await this.#before;
  }

  #wanted(): boolean {
    return !this.settings.onDemand || this.#options.viewers() > 0;
  }

  /** At once, or, where trying often does harm, when it is time. */
  #begin(): void {
    const waitMs = this.#notBefore - performance.now();
    if (waitMs > 0) {
      this.#enter('failed');
      this.#connectAfter(waitMs);
    } else {
      this.#options.reservation.tell(undefined);
      this.#connect();
    }
  }

  #connectAfter(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), ms);
  }

  #connect(): void {
    this.#enter('connecting');
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#before = this.#before.then(() => this.#pullFrom(attempt.signal));
  }

  /** Settles when the pull is there, or what there was of it is gone. */
  async #pullFrom(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      const pull = await this.#options.pull({ learnt: this.#learnt, signal });
      if (signal.aborted) return await pull.close('stopped');
      this.#pull = pull;
      pull.on('live', () => this.#pullOnLive());
      pull.on('learnt', (learnt) => this.#pullOnLearnt(learnt));
      pull.on('ended', (fault) => this.#pullOnEnded(pull, fault));
    } catch (error) {
      if (!signal.aborted) this.#fail(faultOf(error, this.#options.logger));
    }
  }

  #pullOnLive(): void {
    this.#fault = undefined;
    this.#liveAt = performance.now();
    this.#slow.reset();
    this.#options.reservation.tell(undefined);
    this.#enter('live');
    this.#options.logger.info({ streamId: this.settings.stream, ...this.#pull?.plan }, 'camera live');
  }

  #pullOnLearnt(learnt: Partial<Learnt>): void {
    this.#learnt = { ...this.#learnt, ...learnt };
    this.#options.logger.info({ streamId: this.settings.stream, ...learnt }, 'camera: pulled differently');
  }

  #pullOnEnded(pull: Pulling, fault: CameraFault | undefined): void {
    if (pull !== this.#pull) return;
    this.#leave('media_lost');
    if (fault) this.#fail(fault);
    else this.#connect();
  }

  #fail(fault: CameraFault): void {
    const { logger, reservation } = this.#options;
    if (this.#state === 'live' && performance.now() - this.#liveAt > STABLE_MS) this.#soon.reset();
    if (fault.passing) this.#slow.reset();
    const delayMs = (fault.passing ? this.#soon : this.#slow).next();
    const known = this.#fault?.message === fault.message;
    this.#fault = fault;
    this.#notBefore = fault.passing ? 0 : performance.now() + delayMs;
    reservation.tell({ code: fault.code, message: fault.message });
    this.#enter(fault.passing ? 'retrying' : 'failed');
    // A camera that stays away for days is not worth a line every half minute.
    logger[known ? 'debug' : 'warn'](
      { streamId: this.settings.stream, error: fault.message, delayMs },
      `camera ${this.#state}`,
    );
    this.#connectAfter(delayMs);
  }

  /** Nobody has watched for a while. */
  #rest(): void {
    this.#stop('stopped');
    this.#enter('idle');
    this.#options.logger.info({ streamId: this.settings.stream }, 'camera idle');
  }

  #stop(reason: EndReason): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#attempt?.abort();
    this.#leave(reason);
  }

  #leave(reason: EndReason): void {
    const pull = this.#pull;
    this.#pull = undefined;
    if (pull) this.#before = Promise.all([this.#before, pull.close(reason)]);
  }

  #enter(state: CameraState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = new Date();
  }
}

/** Whatever else is thrown is a fault of ours, and perhaps passes too. */
function faultOf(error: unknown, logger: Logger): CameraFault {
  if (error instanceof CameraFault) return error;
  if (error instanceof PharosError) return new CameraFault('source_unreachable', error.message);
  logger.error({ err: error }, 'camera: a fault of the server');
  return new CameraFault('source_unreachable', 'something went wrong on the server; its log has more');
}
