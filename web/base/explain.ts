import type { PharosClientError } from '../lib/errors.ts';

export type Explanation = { title: string; text: string };

/** What went wrong in words for people: what happened, then what to do. */
export function explain(error: PharosClientError): Explanation {
  switch (error.code) {
    case 'connection_lost':
    case 'timeout':
      return {
        title: 'The server cannot be reached',
        text: 'Check your network, then try again. If others cannot reach it either, the server may be down.',
      };
    case 'media_unreachable':
      return {
        title: 'Video and sound cannot get through',
        text: 'The server answers, but a firewall or network between blocks the media. Try another network, or ask whoever runs this server to open its media ports or set up TURN.',
      };
    case 'unsupported_browser':
      return {
        title: 'This browser cannot do it',
        text: 'It has no WebRTC, or too old a version. Use a current Firefox, Chrome, Edge or Safari.',
      };
    case 'too_many_requests':
      return {
        title: 'Too many connections from your address',
        text: 'Wait a minute, then try again.',
      };
    case 'server_closing':
      return { title: 'The server is shutting down', text: 'Try again in a moment.' };
    case 'server_full':
      return {
        title: 'The server is full',
        text: 'It carries as much as it may. Try again when another stream has ended.',
      };
    default:
      return {
        title: 'Something went wrong',
        text: `${sentence(error.message)} Try again; if it stays, tell whoever runs this server.`,
      };
  }
}

/** The server's words, as a sentence of its own. */
export function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
