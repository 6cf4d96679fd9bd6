export type Device = 'camera' | 'microphone';

export type ProblemKind = 'insecure' | 'denied' | 'missing' | 'busy' | 'unplugged' | 'unknown';

/** Why there is no picture or no sound. */
export type Problem = {
  kind: ProblemKind;
  devices: readonly Device[];
  /** The browser's own words, where ours do not cover it. */
  detail?: string;
};

/** By the names that getUserMedia rejects with (Media Capture and Streams, section 10.2). */
export function problemOf(error: unknown, devices: readonly Device[]): Problem {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return { kind: 'denied', devices };
    case 'NotFoundError':
    // Only ever for a device that was chosen by its id: all else is asked for as ideal.
    case 'OverconstrainedError':
      return { kind: 'missing', devices };
    case 'NotReadableError':
    case 'AbortError':
      return { kind: 'busy', devices };
    default:
      return { kind: 'unknown', devices, detail: error instanceof Error ? error.message : String(error) };
  }
}

export function explainProblem({ kind, devices, detail }: Problem): { title: string; text: string } {
  const which = devices.join(' and ');
  switch (kind) {
    case 'insecure':
      return {
        title: 'Cameras need https://',
        text: 'Browsers give camera and microphone to pages opened by https:// or on localhost only. Open this page by its https:// address, or on the computer that the server runs on.',
      };
    case 'denied':
      return {
        title: `Access to the ${which} was denied`,
        text: `Allow the ${which} for this page: by the icon next to the address, or in the browser's or the system's privacy settings. Then try again.`,
      };
    case 'missing':
      return {
        title: `No ${devices.join(' and no ')} found`,
        text: 'Plug one in, or check that it is switched on, then try again.',
      };
    case 'busy':
      return {
        title: `The ${which} cannot be opened`,
        text: 'Another program may be using it. Close that program, or choose another device, then try again.',
      };
    case 'unplugged':
      return {
        title: `The ${which} was disconnected`,
        text: 'Plug it in again and try again, or choose another device.',
      };
    case 'unknown':
      return {
        title: `The ${which} cannot be opened`,
        text: `The browser says: ${detail ?? 'nothing'}. Choose another device, or try again.`,
      };
  }
}
