/**
 * Whether one could publish from here: is the server reached, do media get through by UDP and by TCP, and
 * how much goes up. The words are the page's.
 */
import { PharosClientError, toClientError } from './errors.ts';
import { openProbe, type Probe } from './probe.ts';
import { SignalClient } from './signal-client.ts';
import { measureUpload } from './upload.ts';

export const CHECK_STEPS = ['server', 'udp', 'tcp', 'upload'] as const;
export type CheckStep = (typeof CHECK_STEPS)[number];
/** 'off': the server does not offer it, or what it takes has failed already. */
export type StepState = 'waiting' | 'running' | 'ok' | 'failed' | 'off';

export type ConnectionReport = {
  server: {
    state: StepState;
    /** Whether it answers by HTTP; a WebSocket that does not come up then is a proxy's doing. */
    http: boolean;
    /** In ms, over the WebSocket. */
    roundTrip: number | undefined;
  };
  /** Media by UDP, and by TCP, without a TURN server. */
  udp: { state: StepState };
  tcp: { state: StepState };
  upload: {
    state: StepState;
    /** Bits per second: at least so much. */
    bitrate: number | undefined;
    /** By which way; 'relay': by a TURN server, where neither of the others works. */
    path: 'udp' | 'tcp' | 'relay' | undefined;
  };
  /** Why the server refused to be tried, a missing key say; the ways for media were not tried then. */
  refusal: PharosClientError | undefined;
};

export type CheckOptions = {
  /** Where the server's `/ws` is. */
  url: string;
  /** As for publishing. */
  key?: string | undefined;
  stream?: string | undefined;
  /** Ends it: what was found so far is what there is. */
  signal?: AbortSignal | undefined;
  onProgress?(report: ConnectionReport): void;
};

const PINGS = 3;
/** How long a way for media may take to come up, in ms. */
const PATIENCE = 6000;
/** In ms. */
const TELL_EVERY = 300;
/** Bits per second: more is of no use to know; and of what the server allows so much is far from too much. */
const MOST = { bitrate: 12_000_000, share: 0.8 };

/** Takes ten seconds at most. Rejects with nothing: what goes wrong is in the report. */
export async function checkConnection(options: CheckOptions): Promise<ConnectionReport> {
  const check = new Check(options);
  try {
    await check.run();
  } finally {
    check.close();
  }
  return check.report;
}

type Way = 'udp' | 'tcp' | 'relay';

class Check {
  report: ConnectionReport = {
    server: { state: 'waiting', http: false, roundTrip: undefined },
    udp: { state: 'waiting' },
    tcp: { state: 'waiting' },
    upload: { state: 'waiting', bitrate: undefined, path: undefined },
    refusal: undefined,
  };
  readonly #options: CheckOptions;
  readonly #clients = new Set<SignalClient>();
  readonly #probes: Probe[] = [];
  #told = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    options.signal?.addEventListener('abort', () => this.close(), { once: true });
  }

  async run(): Promise<void> {
    if (!(await this.#reachServer())) {
      this.#tell({ udp: { state: 'off' }, tcp: { state: 'off' } });
      this.#upload({ state: 'off' });
      return;
    }
    const [udp, tcp] = await Promise.all([this.#tryWay('udp'), this.#tryWay('tcp')]);
    const best = udp ?? tcp ?? (await this.#relay());
    await this.#measure(best);
  }

  close(): void {
    for (const probe of this.#probes.splice(0)) probe.close();
    for (const client of this.#clients) client.close();
    this.#clients.clear();
  }

  async #reachServer(): Promise<boolean> {
    const { signal } = this.#options;
    this.#tell({ server: { ...this.report.server, state: 'running' } });
    const http = fetch(healthUrl(this.#options.url), {
      mode: 'no-cors',
      cache: 'no-store',
      signal: signal ?? null,
    }).then(
      () => true,
      () => false,
    );
    try {
      const client = await this.#connect();
      const times: number[] = [];
      for (let id = 1; id <= PINGS; id++) {
        const before = performance.now();
        await client.request(id, 'ping', {});
        times.push(performance.now() - before);
      }
      client.close();
      const roundTrip = Math.round(Math.min(...times));
      this.#tell({ server: { state: 'ok', http: await http, roundTrip } });
      return true;
    } catch {
      this.#tell({ server: { state: 'failed', http: await http, roundTrip: undefined } });
      return false;
    }
  }

  /** Each on a connection of its own: a session has one transport. */
  async #tryWay(way: 'udp' | 'tcp'): Promise<Probe | undefined> {
    this.#tell({ [way]: { state: 'running' } });
    try {
      const probe = await this.#probe(way);
      this.#tell({ [way]: { state: probe ? 'ok' : 'off' } });
      return probe;
    } catch (error) {
      const reason = toClientError(error);
      const blocked = reason.code === 'media_unreachable';
      this.#tell({ [way]: { state: blocked ? 'failed' : 'off' } });
      if (!blocked) this.#tell({ refusal: this.report.refusal ?? reason });
      return undefined;
    }
  }

  async #relay(): Promise<Probe | undefined> {
    if (this.report.refusal) return undefined;
    return this.#probe('relay').catch(() => undefined);
  }

  /** Undefined where the server does not offer this way. */
  async #probe(way: Way): Promise<Probe | undefined> {
    const { key, stream } = this.#options;
    const probe = await openProbe(await this.#connect(), { way, key, stream, patience: PATIENCE });
    if (probe) this.#probes.push(probe);
    return probe;
  }

  async #measure(probe: Probe | undefined): Promise<void> {
    if (!probe) {
      this.#upload({ state: this.report.refusal ? 'off' : 'failed' });
      return;
    }
    this.#upload({ state: 'running', path: probe.way });
    const most = Math.min(probe.bitrate * MOST.share, MOST.bitrate);
    const found = await measureUpload(probe.channel, most, (so) => this.#progress(so));
    this.#upload(
      found === undefined ? { state: 'failed', bitrate: undefined } : { state: 'ok', bitrate: found },
    );
  }

  async #connect(): Promise<SignalClient> {
    if (this.#options.signal?.aborted) throw new PharosClientError('stopped', 'Stopped.');
    const client = new SignalClient(this.#options.url, PATIENCE);
    this.#clients.add(client);
    await client.connect();
    return client;
  }

  /** Now and then is enough. */
  #progress(found: number): void {
    const now = performance.now();
    if (now - this.#told < TELL_EVERY) return;
    this.#told = now;
    this.#upload({ bitrate: found });
  }

  #upload(values: Partial<ConnectionReport['upload']>): void {
    this.#tell({ upload: { ...this.report.upload, ...values } });
  }

  #tell(values: Partial<ConnectionReport>): void {
    this.report = { ...this.report, ...values };
    if (!this.#options.signal?.aborted) this.#options.onProgress?.(this.report);
  }
}

function healthUrl(url: string): string {
  const health = new URL(url.replace(/^ws/, 'http'));
  health.pathname = health.pathname.replace(/\/ws$/, '/healthz');
  return health.href;
}
