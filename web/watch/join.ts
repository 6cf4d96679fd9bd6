import { takeEntryKey } from '../base/key.ts';
import type { Viewer } from '../lib/viewer.ts';

/**
 * Watches, with the key of the link where it has one. Marks the moment, so that the time to the first
 * frame can be measured.
 */
export function join(viewer: Viewer, identifier: string, key = takeEntryKey()): void {
  performance.mark('pharos:join');
  // What goes wrong is told by the viewer's state.
  viewer.watch(identifier, { key }).catch(() => {});
}

/** Longer than a join on a good network, shorter than anybody notices. */
const PATIENCE = 150;

/**
 * Calls back when the media is on its way, or it is known that it is not. What
 * the page draws before costs the join as much time as the server's answer.
 */
export function afterJoin(viewer: Viewer, callback: () => void): void {
  const finish = () => {
    off();
    clearTimeout(timer);
    callback();
  };
  const timer = setTimeout(finish, PATIENCE);
  const off = viewer.on('state', finish);
}

export function firstFrame(viewer: Viewer): void {
  performance.mark('pharos:first-frame');
  viewer.reportFirstFrame();
}
