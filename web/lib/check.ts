/**
 * Whether one could publish from here: is the server reached, do media get through by UDP and by TCP, and
 * how much goes up. The words are the page's.
 */
import { PharosClientError, toClientError } from './errors.ts';
import { openProbe, type Probe } from './probe.ts';
import { SignalClient } from './signal-client.ts';
import { bitrate } from './stats.ts';

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
/** In ms: how long data is pushed at most, and what of it is not counted, as it takes a moment to get going. */
const UPLOAD = { ms: 3000, warmUp: 700, step: 50 };
/** Bits per second: more is of no use to know; and of what the server allows so much is far from too much. */
const MOST = { bitrate: 12_000_000, share: 0.8 };
const CHUNK = new Uint8Array(16_384);

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
    const found = await push(probe, most, (so) => this.#upload({ bitrate: so }));
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

  #upload(values: Partial<ConnectionReport['upload']>): void {
    this.#tell({ upload: { ...this.report.upload, ...values } });
  }

  #tell(values: Partial<ConnectionReport>): void {
    this.report = { ...this.report, ...values };
    if (!this.#options.signal?.aborted) this.#options.onProgress?.(this.report);
  }
}

/**
 * Pushes data, no more than `most` bit/s, and looks how much goes.
 * @returns bit/s; undefined if the way broke off.
 */
async function push(
  { channel }: Probe,
  most: number,
  onProgress: (bitrate: number) => void,
): Promise<number | undefined> {
  const begun = performance.now();
  let sent = 0;
  let counted: { bytes: number; at: number } | undefined;
  let found: number | undefined;
  let told = 0;
  while (channel.readyState === 'open') {
    const now = performance.now();
    const gone = sent - channel.bufferedAmount;
    if (now - begun >= UPLOAD.warmUp) counted ??= { bytes: gone, at: now };
    if (counted && now - counted.at >= UPLOAD.step) found = bitrate(gone - counted.bytes, now - counted.at);
    if (found !== undefined && now - told >= 500) {
      onProgress(found);
      told = now;
    }
    if (now - begun >= UPLOAD.ms) return found;
    // Twice a step's worth is on its way at most, so that little is left to be sent at the end.
    const due = (Math.min(now - begun + UPLOAD.step, UPLOAD.ms) / 8000) * most;
    const room = (most / 8000) * 2 * UPLOAD.step;
    while (sent < due && channel.bufferedAmount < Math.max(room, CHUNK.length)) {
      channel.send(CHUNK);
      sent += CHUNK.length;
    }
    await new Promise((resolve) => setTimeout(resolve, UPLOAD.step));
  }
  return undefined;
}

function healthUrl(url: string): string {
  const health = new URL(url.replace(/^ws/, 'http'));
  health.pathname = health.pathname.replace(/\/ws$/, '/healthz');
  return health.href;
}
