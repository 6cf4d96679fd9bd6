/** What sounds together: tracks (microphone, the screen's sound), and a film's sound. */
export type Sounding = MediaStreamTrack | HTMLMediaElement;

/** Adds sounds into one track; silence, where there are none. */
export class Mixer {
  readonly #context = new AudioContext();
  readonly #output = this.#context.createMediaStreamDestination();
  /** An element gives its sound to one graph, once and for all. */
  readonly #films = new WeakMap<HTMLMediaElement, AudioNode>();
  #inputs = new Map<Sounding, AudioNode>();

  constructor() {
    // Some browsers let a page make no sound graph before the first touch.
    for (const touch of ['pointerdown', 'keydown']) addEventListener(touch, this.#resume);
  }

  get track(): MediaStreamTrack {
    const [track] = this.#output.stream.getAudioTracks();
    if (!track) throw new Error('A sound graph has no output.');
    return track;
  }

  set(sounds: readonly Sounding[]): void {
    for (const [sound, node] of this.#inputs) {
      if (!sounds.includes(sound)) node.disconnect();
    }
    this.#inputs = new Map(sounds.map((sound) => [sound, this.#inputs.get(sound) ?? this.#connect(sound)]));
    this.#resume();
  }

  #resume = (): void => {
    if (this.#context.state === 'suspended') void this.#context.resume();
  };

  #connect(sound: Sounding): AudioNode {
    const node = this.#node(sound);
    node.connect(this.#output);
    return node;
  }

  #node(sound: Sounding): AudioNode {
    if (sound instanceof MediaStreamTrack)
      return this.#context.createMediaStreamSource(new MediaStream([sound]));
    const node = this.#films.get(sound) ?? this.#context.createMediaElementSource(sound);
    this.#films.set(sound, node);
    return node;
  }
}
