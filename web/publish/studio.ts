import { Emitter } from '../lib/emitter.ts';
import type { Compositor } from './compositor.ts';
import type { LocalMedia } from './local-media.ts';
import { Mixer, type Sounding } from './mixer.ts';
import { FRAME_RATE, type Resolution } from './quality.ts';
import { asTrack, type Picture, type Scene, sceneOf } from './scene.ts';
import { openScreen, type Screen } from './screen.ts';
import { openSlate, type Slate } from './slate.ts';

export type StudioState = {
  /** What is in the picture, as chosen. */
  picture: Picture;
  /** The camera in a corner over a screen or a slate. */
  corner: boolean;
  muted: boolean;
  cameraOff: boolean;
  /** The name of the file that is the slate. */
  slate: string | undefined;
  /** What is sent, and shown in the preview. */
  outputs: { video: MediaStreamTrack | undefined; audio: MediaStreamTrack | undefined };
  /** What the user did not do, or what did not go as wanted. */
  told: Told | undefined;
};

export type Told =
  | { kind: 'screen-ended' }
  | { kind: 'screen-refused'; detail: string }
  | { kind: 'slate-refused'; name: string };

type Options = {
  media: LocalMedia;
  resolution: Resolution;
  muted: boolean;
  cameraOff: boolean;
  /** Two lines for when there is no picture. */
  card(): readonly [string, string];
};

/** Makes one picture and one sound of all sources: what is chosen changes, and viewers just see it. */
export class Studio extends Emitter<{ state: StudioState }> {
  readonly #media: LocalMedia;
  readonly #card: Options['card'];
  #resolution: Resolution;
  #screen: Screen | undefined;
  #slate: Slate | undefined;
  #compositor: Compositor | undefined;
  #mixer: Mixer | undefined;
  /** While live there is always a picture and a sound: a kind that is missing at the start cannot come later. */
  #always = false;
  #state: StudioState;
  /** One change after the other: the compositor has to be fetched first. */
  #work: Promise<void> = Promise.resolve();

  constructor({ media, resolution, muted, cameraOff, card }: Options) {
    super();
    this.#media = media;
    this.#resolution = resolution;
    this.#card = card;
    this.#state = {
      ...{ picture: 'camera', corner: true, slate: undefined, told: undefined, muted, cameraOff },
      outputs: { video: undefined, audio: undefined },
    };
    // Nothing is opened yet: the browser asks for both at once.
    if (cameraOff) void media.switchOff('camera', true);
    media.on('state', () => void this.#update());
  }

  get state(): StudioState {
    return this.#state;
  }

  /** From now on, and until `rest`, there is a picture and a sound, be it a card and silence. */
  async begin(): Promise<StudioState['outputs']> {
    this.#always = true;
    await this.#update();
    return this.#state.outputs;
  }

  rest(): void {
    this.#always = false;
    void this.#update();
  }

  /** Asks which screen or window, and shows it; another one, if there is one already. */
  async shareScreen(): Promise<void> {
    let screen: Screen | undefined;
    try {
      screen = await openScreen();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return this.#set({ told: { kind: 'screen-refused', detail } });
    }
    if (!screen) return;
    this.#stopScreen();
    this.#screen = screen;
    const { video } = screen;
    // Not called when we stop it ourselves: by the browser's own bar, or the window was closed.
    video.onended = () => {
      if (this.#screen?.video !== video) return;
      this.#stopScreen();
      this.#choose('camera', { kind: 'screen-ended' });
    };
    this.#choose('screen');
  }

  async showSlate(file: File): Promise<void> {
    let slate: Slate;
    try {
      slate = await openSlate(file);
    } catch {
      return this.#set({ told: { kind: 'slate-refused', name: file.name } });
    }
    const before = this.#slate;
    this.#slate = slate;
    this.#stopScreen();
    this.#choose('slate');
    void this.#work.then(() => before?.close());
  }

  /** Ends what was shown over the camera. */
  showCamera(): void {
    this.#stopScreen();
    this.#choose('camera');
  }

  /** What was told has been read. */
  dismiss(): void {
    this.#set({ told: undefined });
  }

  setCorner(corner: boolean): void {
    this.#set({ corner });
    void this.#update();
  }

  setMuted(muted: boolean): void {
    this.#set({ muted });
    void this.#update();
  }

  /** Off, the camera itself is let go: its light says so too. */
  setCameraOff(cameraOff: boolean): void {
    this.#set({ cameraOff });
    void this.#media.switchOff('camera', cameraOff);
    void this.#update();
  }

  /** Before Start only: what is drawn is drawn in this size from then on. */
  resize(resolution: Resolution): void {
    this.#resolution = resolution;
    this.#work = this.#work.then(() => this.#closeCompositor());
    void this.#update();
  }

  /** The card has another text. */
  retitle(): void {
    void this.#update();
  }

  #choose(picture: Picture, told?: Told): void {
    this.#set({ picture, told, slate: picture === 'slate' ? this.#slate?.name : undefined });
    void this.#update();
  }

  #stopScreen(): void {
    this.#screen?.video.stop();
    this.#screen?.audio?.stop();
    this.#screen = undefined;
  }

  #closeSlate(): void {
    this.#slate?.close();
    this.#slate = undefined;
  }

  #update(): Promise<void> {
    const { microphone } = this.#media.state.tracks;
    // At once: a word too much cannot be called back.
    if (microphone) microphone.enabled = !this.#state.muted;
    this.#work = this.#work.then(() => this.#follow());
    return this.#work;
  }

  async #follow(): Promise<void> {
    const video = await this.#video();
    const audio = this.#audio();
    const { outputs } = this.#state;
    if (video !== outputs.video || audio !== outputs.audio) this.#set({ outputs: { video, audio } });
    // Not before something else is sent.
    if (video !== this.#compositor?.track) this.#closeCompositor();
    if (this.#state.picture !== 'slate') this.#closeSlate();
  }

  #scene(): Scene {
    const { picture, corner, cameraOff } = this.#state;
    const { camera } = this.#media.state.tracks;
    return sceneOf({
      ...{ picture, corner, card: this.#card() },
      camera: cameraOff ? undefined : camera,
      screen: this.#screen?.video,
      slate: this.#slate?.picture,
    });
  }

  async #video(): Promise<MediaStreamTrack | undefined> {
    const { outputs } = this.#state;
    const scene = this.#scene();
    // Another camera is being opened: what was there stands still for a moment, rather than a card flashes up.
    if (!scene.main && this.#media.state.opening && !this.#state.cameraOff) return outputs.video;
    const track = asTrack(scene);
    if (track || (!scene.main && !this.#always)) return track;
    if (!this.#compositor) {
      const { createCompositor } = await import('./compositor.ts');
      this.#compositor = createCompositor(this.#resolution, FRAME_RATE);
    }
    // It may be another one by now.
    this.#compositor.show(this.#scene());
    return this.#compositor.track;
  }

  /** One source is sent as it is; several, or none, by the mixer. */
  #audio(): MediaStreamTrack | undefined {
    const { microphone } = this.#media.state.tracks;
    const film = this.#state.picture === 'slate' ? this.#slate?.sound : undefined;
    const all: (Sounding | undefined)[] = [microphone, this.#screen?.audio, film];
    const sounds = all.filter((sound) => sound !== undefined);
    const [only] = sounds;
    if (sounds.length === 1 && only instanceof MediaStreamTrack) {
      this.#mixer?.set([]);
      return only;
    }
    if (sounds.length === 0 && !this.#always) return undefined;
    this.#mixer ??= new Mixer();
    this.#mixer.set(sounds);
    return this.#mixer.track;
  }

  #closeCompositor(): void {
    this.#compositor?.close();
    this.#compositor = undefined;
  }

  #set(change: Partial<StudioState>): void {
    this.#state = { ...this.#state, ...change };
    this.emit('state', this.#state);
  }
}
