import { Emitter } from '../lib/emitter.ts';
import { type Device, type Problem, problemOf } from './media-problem.ts';
import { FRAME_RATE, type Resolution } from './quality.ts';

/** A device id, '' for whichever the browser prefers, or none. */
export type Choice = string;
export const NONE: Choice = 'none';

type Options = Record<Device, Choice> & { resolution: Resolution; music: boolean };

export type LocalMediaState = {
  opening: boolean;
  tracks: Partial<Record<Device, MediaStreamTrack>>;
  devices: Record<Device, readonly MediaDeviceInfo[]>;
  problems: readonly Problem[];
};

const DEVICES: readonly Device[] = ['camera', 'microphone'];

const MUSIC = {
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
  channelCount: { ideal: 2 },
};

/** This computer's camera and microphone as chosen: opened, reopened, and watched for being unplugged. */
export class LocalMedia extends Emitter<{ state: LocalMediaState }> {
  readonly #choices: Record<Device, Choice>;
  readonly #off = new Set<Device>();
  #resolution: Resolution;
  #music: boolean;
  #state: LocalMediaState = {
    opening: true,
    tracks: {},
    devices: { camera: [], microphone: [] },
    problems: [],
  };
  /** One thing after the other: a camera cannot be opened twice at a time everywhere. */
  #work: Promise<void> = Promise.resolve();

  constructor({ resolution, music, camera, microphone }: Options) {
    super();
    this.#choices = { camera, microphone };
    this.#resolution = resolution;
    this.#music = music;
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#devicesOnChange());
  }

  get state(): LocalMediaState {
    return this.#state;
  }

  /** Opens all that is chosen and not open yet. */
  open(): Promise<void> {
    return this.#next(() => this.#open(DEVICES.filter((device) => !this.#isOpen(device))));
  }

  /** Lets the device go for a while; what is chosen stays chosen. */
  switchOff(device: Device, off: boolean): Promise<void> {
    if (off) this.#off.add(device);
    else this.#off.delete(device);
    return this.#next(async () => {
      if (off === this.#isOpen(device)) await this.#open([device]);
    });
  }

  /** Music is to be heard as it is: what helps a voice spoils it. */
  setMusic(music: boolean): Promise<void> {
    this.#music = music;
    return this.#next(async () => {
      if (this.#isOpen('microphone')) await this.#open(['microphone']);
    });
  }

  dismiss(problem: Problem): void {
    this.#set({ problems: this.#state.problems.filter((each) => each !== problem) });
  }

  choose(device: Device, choice: Choice): Promise<void> {
    this.#choices[device] = choice;
    return this.#next(() => this.#open([device]));
  }

  resize(resolution: Resolution): Promise<void> {
    this.#resolution = resolution;
    return this.#next(async () => {
      if (this.#isOpen('camera')) await this.#open(['camera']);
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(work);
    return this.#work;
  }

  #isOpen(device: Device): boolean {
    return this.#state.tracks[device]?.readyState === 'live';
  }

  #isWanted(device: Device): boolean {
    return this.#choices[device] !== NONE && !this.#off.has(device);
  }

  async #open(devices: readonly Device[]): Promise<void> {
    if (!navigator.mediaDevices) {
      this.#set({ opening: false, problems: [{ kind: 'insecure', devices: DEVICES }] });
      return;
    }
    for (const device of devices) this.#forget(device);
    this.#set({ opening: true });
    const wanted = devices.filter((device) => this.#isWanted(device));
    if (wanted.length > 0) await this.#request(wanted);
    await this.#list();
    this.#set({ opening: false });
  }

  /** All in one request, so that the browser asks the user once; one by one where that fails. */
  async #request(wanted: readonly Device[]): Promise<void> {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(this.#constraints(wanted));
      for (const track of stream.getTracks())
        this.#take(track.kind === 'video' ? 'camera' : 'microphone', track);
    } catch (error) {
      const problem = problemOf(error, wanted);
      const each = wanted.length > 1 ? await separable(problem) : [];
      for (const device of each) await this.#request([device]);
      const rest = wanted.filter((device) => !each.includes(device));
      if (rest.length > 0) this.#complain({ ...problem, devices: rest });
    }
  }

  #constraints(wanted: readonly Device[]): MediaStreamConstraints {
    const { width, height } = this.#resolution;
    return {
      video: wanted.includes('camera') && {
        ...exactly(this.#choices.camera),
        width: { ideal: width },
        height: { ideal: height },
        frameRate: { ideal: FRAME_RATE },
      },
      audio: wanted.includes('microphone') && {
        ...exactly(this.#choices.microphone),
        ...(this.#music ? MUSIC : {}),
      },
    };
  }

  #take(device: Device, track: MediaStreamTrack): void {
    // Not called when we stop it ourselves: the device went, or the permission.
    track.onended = () => void this.#next(() => this.#replace(device));
    this.#set({ tracks: { ...this.#state.tracks, [device]: track } });
  }

  /** It was unplugged, or taken away: whichever else there is takes its place. */
  async #replace(device: Device): Promise<void> {
    if (this.#isOpen(device)) return;
    this.#choices[device] = '';
    await this.#open([device]);
    const next = this.#state.tracks[device];
    const problem = this.#state.problems.find(({ devices }) => devices.includes(device));
    if (next) this.#complain({ kind: 'replaced', devices: [device], detail: next.label });
    else if (problem?.kind !== 'denied') {
      this.#forget(device);
      this.#complain({ kind: 'unplugged', devices: [device] });
    }
  }

  async #devicesOnChange(): Promise<void> {
    await this.#list();
    const lacking = DEVICES.filter(
      (device) =>
        this.#isWanted(device) &&
        this.#state.devices[device].length > 0 &&
        this.#state.problems.some(({ kind, devices }) => kind === 'unplugged' && devices.includes(device)),
    );
    if (lacking.length > 0) await this.#next(() => this.#open(lacking));
  }

  #forget(device: Device): void {
    this.#state.tracks[device]?.stop();
    this.#set({
      tracks: { ...this.#state.tracks, [device]: undefined },
      problems: this.#state.problems.filter(({ devices }) => !devices.includes(device)),
    });
  }

  /** Says the same of both devices at once. */
  #complain(problem: Problem): void {
    const { problems } = this.#state;
    const same = problems.filter(({ kind, detail }) => kind === problem.kind && detail === problem.detail);
    const devices = [...same, problem].flatMap((each) => each.devices);
    this.#set({ problems: [...problems.filter((each) => !same.includes(each)), { ...problem, devices }] });
  }

  /** Names are there only once access was granted. */
  async #list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    const known = all.filter(({ deviceId }) => deviceId !== '');
    this.#set({
      devices: {
        camera: known.filter(({ kind }) => kind === 'videoinput'),
        microphone: known.filter(({ kind }) => kind === 'audioinput'),
      },
    });
  }

  #set(change: Partial<LocalMediaState>): void {
    this.#state = { ...this.#state, ...change };
    this.emit('state', this.#state);
  }
}

function exactly(choice: Choice): MediaTrackConstraints {
  return choice ? { deviceId: { exact: choice } } : {};
}

/** Which devices to ask for by themselves, after asking for both has failed. */
async function separable(problem: Problem): Promise<readonly Device[]> {
  if (problem.kind !== 'denied') return problem.devices;
  // Denied as a whole: asking again would only annoy, unless just one of them is blocked.
  const denied = await Promise.all(problem.devices.map(isDenied));
  return denied.includes(true) ? problem.devices.filter((_, index) => !denied[index]) : [];
}

async function isDenied(name: Device): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name })).state === 'denied';
  } catch {
    return false;
  }
}
