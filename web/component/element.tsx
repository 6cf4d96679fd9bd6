import { render } from 'preact';
import base from '../base/base.css?inline';
import { load as loadBase } from '../base/text.ts';
import { FramedPlayer } from '../player/framed.tsx';
import playerStyle from '../player/player.css?inline';
import { Player } from '../player/player.ts';
import { type Happening, Remote, type RemoteQuality, type RemoteState } from '../player/remote.ts';
import { load } from '../player/text.ts';
import { addressOf } from './address.ts';
import own from './component.css?inline';

type Inside = { player: Player; remote: Remote; identifier: string | undefined };

/** One for all players of a page, made with the first; a policy that forbids inline styles allows it. */
let sheet: CSSStyleSheet | undefined;
let texts: Promise<unknown> | undefined;
/** Theirs, not that of the page around them. */
const shown = { lang: '' };

/**
 * `<pharos-player src="https://live.example.org/watch/stage-2" autoplay muted controls>`: a stream in a page
 * of any origin that the server's `http.allowedOrigins` names. docs/embed.md has attributes, properties,
 * methods and events.
 */
export class PharosPlayer extends HTMLElement {
  static readonly observedAttributes = ['src', 'muted', 'controls', 'poster'];
  readonly #root = this.attachShadow({ mode: 'open' });
  #inside: Inside | undefined;

  // --- Attributes, and the properties that reflect them ---

  get src(): string {
    return this.getAttribute('src') ?? '';
  }

  set src(link: string) {
    this.setAttribute('src', link);
  }

  get autoplay(): boolean {
    return this.hasAttribute('autoplay');
  }

  set autoplay(on: boolean) {
    this.toggleAttribute('autoplay', on);
  }

  get controls(): boolean {
    return this.hasAttribute('controls');
  }

  set controls(on: boolean) {
    this.toggleAttribute('controls', on);
  }

  /** An address of a picture, 'none', or '' for the server's own. */
  get poster(): string {
    return this.getAttribute('poster') ?? '';
  }

  set poster(url: string) {
    this.setAttribute('poster', url);
  }

  // --- What is going on ---

  get muted(): boolean {
    return this.#inside?.player.playback.state.muted ?? this.hasAttribute('muted');
  }

  set muted(muted: boolean) {
    if (this.#inside) this.#inside.remote.do({ type: muted ? 'mute' : 'unmute' });
    else this.toggleAttribute('muted', muted);
  }

  get volume(): number {
    return this.#inside?.player.playback.state.volume ?? 1;
  }

  /** @throws RangeError outside 0 to 1. */
  set volume(volume: number) {
    if (!(volume >= 0 && volume <= 1)) throw new RangeError('volume is from 0 to 1');
    this.#inside?.remote.do({ type: 'setVolume', volume });
  }

  /** 'auto', 'audio', or a height in pixels. */
  get quality(): RemoteQuality {
    return this.#inside?.player.quality.chosenHeight ?? 'auto';
  }

  /** @throws RangeError for what is none of these. */
  set quality(quality: RemoteQuality) {
    if (quality !== 'auto' && quality !== 'audio' && !(quality >= 1)) {
      throw new RangeError('quality is "auto", "audio" or a height in pixels');
    }
    this.#inside?.remote.do({ type: 'setQuality', quality });
  }

  get paused(): boolean {
    return this.#inside?.player.playback.state.paused ?? true;
  }

  get state(): RemoteState {
    return this.#inside?.player.viewer.state.name ?? 'idle';
  }

  get viewers(): number {
    return this.#inside?.player.viewer.viewers ?? 0;
  }

  get streamTitle(): string {
    return this.#inside?.player.viewer.title ?? '';
  }

  play(): void {
    this.#inside?.remote.do({ type: 'play' });
  }

  pause(): void {
    this.#inside?.remote.do({ type: 'pause' });
  }

  /** Leaves the stream; `play()` joins it again. */
  stop(): void {
    this.#inside?.remote.do({ type: 'stop' });
  }

  // --- Life ---

  connectedCallback(): void {
    this.#open();
  }

  disconnectedCallback(): void {
    this.#close();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (!this.#inside || before === now) return;
    if (name === 'src') {
      this.#close();
      this.#open();
    } else if (name === 'muted') {
      this.muted = now !== null;
    } else {
      this.#draw(this.#inside);
    }
  }

  #open(): void {
    const address = addressOf(this.src, document.baseURI);
    const player = new Player(address?.server ?? document.baseURI, { muted: this.hasAttribute('muted') });
    const remote = new Remote(player);
    const inside = { player, remote, identifier: address?.identifier };
    this.#inside = inside;
    if (address) {
      player.choose(address);
      if (this.autoplay) player.again();
    }
    remote.on('happening', (happening) => this.#tell(happening));
    sheet ??= styleSheet();
    this.#root.adoptedStyleSheets = [sheet];
    texts ??= Promise.all([loadBase(shown), load(shown)]);
    void texts.then(() => {
      if (this.#inside !== inside) return;
      this.lang ||= shown.lang;
      this.#draw(inside);
      this.dispatchEvent(new CustomEvent('ready'));
    });
  }

  #draw({ player, identifier }: Inside): void {
    const poster = this.poster === 'none' ? false : this.poster || true;
    render(
      <FramedPlayer key={this.src} {...{ player, identifier, poster }} controls={this.controls} guest />,
      this.#root,
    );
  }

  #close(): void {
    const inside = this.#inside;
    this.#inside = undefined;
    inside?.remote.close();
    inside?.player.stop();
    render(null, this.#root);
  }

  /** As `CustomEvent`s that do not bubble: `state`, `playing`, `volume`, `quality`, `viewers`, `title`, `error`. */
  #tell({ type, ...detail }: Happening): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function styleSheet(): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(base + playerStyle + own);
  return made;
}
