import type { Viewer } from '../lib/viewer.ts';

/** Marks the moment, so that the time to the first frame can be measured. */
export function join(viewer: Viewer, identifier: string): void {
  performance.mark('pharos:join');
  // What goes wrong is told by the viewer's state.
  viewer.watch(identifier).catch(() => {});
}

export function markFirstFrame(): void {
  performance.mark('pharos:first-frame');
}
