import { canDrawApart, WorkerCompositor } from './compositor-apart.ts';
import { PageCompositor } from './compositor-page.ts';
import type { Scene, Size } from './scene.ts';

/** Draws scenes onto one track, for as long as the page lives or until it is closed. */
export type Compositor = {
  readonly track: MediaStreamTrack;
  show(scene: Scene): void;
  close(): void;
};

/** In a worker where the browser lets frames go there (Chromium), else on the page. */
export function createCompositor(size: Size, frameRate: number): Compositor {
  return canDrawApart() ? new WorkerCompositor(size, frameRate) : new PageCompositor(size, frameRate);
}
