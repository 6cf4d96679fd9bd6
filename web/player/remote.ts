/** How a script drives a player and hears of it: the same words for frames (postMessage) and for <pharos-player>. */
import * as z from 'zod/mini';
import { Emitter } from '../lib/emitter.ts';
import type { ViewerState } from '../lib/viewer-facts.ts';
import type { Player } from './player.ts';

/** The largest height in pixels, 'auto', or 'audio' for sound alone. */
const quality = z.union([
  z.literal('auto'),
  z.literal('audio'),
  z.number().check(z.minimum(1), z.maximum(16_384)),
]);
export type RemoteQuality = z.infer<typeof quality>;

const volume = z.number().check(z.minimum(0), z.maximum(1));

export const command = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('play') }),
  z.strictObject({ type: z.literal('pause') }),
  z.strictObject({ type: z.literal('stop') }),
  z.strictObject({ type: z.literal('mute') }),
  z.strictObject({ type: z.literal('unmute') }),
  z.strictObject({ type: z.literal('setVolume'), volume }),
  z.strictObject({ type: z.literal('setQuality'), quality }),
  /** Tells everything again. */
  z.strictObject({ type: z.literal('getState') }),
]);
export type Command = z.infer<typeof command>;

export type RemoteState = ViewerState['name'];

/** What changed; each is told once in the beginning, too, when it is known. */
export type Happening =
  | { type: 'state'; state: RemoteState }
  | { type: 'playing'; playing: boolean }
  | { type: 'volume'; volume: number; muted: boolean }
  /** `height` is that of the picture shown, `heights` those that there are. */
  | { type: 'quality'; quality: RemoteQuality; height: number | null; heights: number[] }
  | { type: 'viewers'; viewers: number }
  | { type: 'title'; title: string }
  /** `fatal`: it is not tried for again. */
  | { type: 'error'; code: string; message: string; fatal: boolean };

/** A player as scripts see it. */
export class Remote extends Emitter<{ happening: Happening }> {
  readonly #player: Player;
  /** The last of each type, as text. */
  readonly #told = new Map<Happening['type'], string>();
  readonly #offs: (() => void)[];

  constructor(player: Player) {
    super();
    this.#player = player;
    const { viewer, playback, quality: chosen } = player;
    const tell = () => this.#tell();
    this.#offs = [
      viewer.on('state', tell),
      viewer.on('viewers', tell),
      viewer.on('title', tell),
      playback.on('state', tell),
      chosen.on('state', tell),
    ];
  }

  do(asked: Command): void {
    const { viewer, playback, quality: chosen } = this.#player;
    switch (asked.type) {
      case 'play':
        this.#player.play();
        break;
      case 'pause':
        playback.pause();
        break;
      case 'stop':
        viewer.stop();
        break;
      case 'mute':
      case 'unmute':
        playback.setMuted(asked.type === 'mute');
        break;
      case 'setVolume':
        playback.setVolume(asked.volume);
        break;
      case 'setQuality':
        chosen.chooseHeight(asked.quality);
        break;
      case 'getState':
        this.#told.clear();
        this.#tell();
        break;
    }
  }

  close(): void {
    for (const off of this.#offs) off();
  }

  #tell(): void {
    // One that is over is told again, should it come again.
    if (errorsOf(this.#player.viewer.state).length === 0) this.#told.delete('error');
    for (const happening of this.#now()) {
      const text = JSON.stringify(happening);
      if (this.#told.get(happening.type) === text) continue;
      this.#told.set(happening.type, text);
      this.emit('happening', happening);
    }
  }

  #now(): Happening[] {
    const { viewer, playback, quality: chosen } = this.#player;
    const { state } = viewer;
    const { paused, volume: loudness, muted } = playback.state;
    const { heights, height } = chosen.state;
    return [
      { type: 'state', state: state.name },
      { type: 'playing', playing: !paused && state.name === 'live' },
      { type: 'volume', volume: loudness, muted },
      {
        type: 'quality',
        quality: chosen.chosenHeight,
        height: height ?? null,
        heights: [...heights],
      },
      { type: 'viewers', viewers: viewer.viewers },
      { type: 'title', title: viewer.title },
      ...errorsOf(state),
    ];
  }
}

function errorsOf(state: ViewerState): Happening[] {
  if (state.name !== 'failed' && state.name !== 'reconnecting') return [];
  const { code, message } = state.error;
  return [{ type: 'error', code, message, fatal: state.name === 'failed' }];
}
