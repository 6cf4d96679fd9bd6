import { FRAME_RATE } from './quality.ts';

/** A screen, a window or a tab, with its sound where the browser gives that. */
export type Screen = { video: MediaStreamTrack; audio: MediaStreamTrack | undefined };

export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** Options that browsers have and TypeScript has not yet; others leave them aside. */
const PICKER = {
  // This page in itself would be a hall of mirrors.
  selfBrowserSurface: 'exclude',
  systemAudio: 'include',
  surfaceSwitching: 'include',
};

/** Asks the user what to share; undefined if that is nothing. Throws where the system forbids it. */
export async function openScreen(): Promise<Screen | undefined> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      ...PICKER,
      video: { frameRate: { ideal: FRAME_RATE } },
      // What a computer plays is no voice in a room.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const [video] = stream.getVideoTracks();
    return video && { video, audio: stream.getAudioTracks()[0] };
  } catch (error) {
    if (error instanceof DOMException && isCancelled(error)) return undefined;
    throw error;
  }
}

/** The system's refusal has the same name as the user's (Screen Capture, section 5.1). */
function isCancelled({ name, message }: DOMException): boolean {
  return name === 'AbortError' || (name === 'NotAllowedError' && !/system/i.test(message));
}
