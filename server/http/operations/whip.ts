/** WHIP and WHEP as far as OpenAPI tells of them; the routes are in server/whip/routes.ts. */
import type { Operation } from '../operation.ts';

const SDP = 'application/sdp';
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const OFFER = 'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n…';
const RESTART = 'a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n';

const START = {
  201: {
    means: 'The session is there.',
    type: SDP,
    headers: {
      Location: 'The session’s address, which is its secret: it is changed and ended by it.',
      ETag: 'Of its ICE session.',
      Link: 'STUN and TURN servers, if there are any.',
    },
  },
} as const;

function session(protocol: 'whip' | 'whep', what: string): Operation[] {
  const name = protocol === 'whip' ? 'Whip' : 'Whep';
  const path = `/${protocol}/:stream/:session`;
  return [
    {
      id: `patch${name}`,
      method: 'patch',
      path,
      group: 'WHIP and WHEP',
      title: `Restart ICE of ${what}`,
      text: 'Candidates alone are taken and not needed: the server is ICE-lite. The address is the grant.',
      headers: { 'If-Match': 'The ETag of the session, or `*` for an ICE restart.' },
      body: { type: FRAGMENT, example: RESTART },
      answers: {
        200: { means: 'ICE was restarted.', type: FRAGMENT, headers: { ETag: 'The new one.' } },
        204: { means: 'Nothing was to be restarted.' },
      },
      refusals: [
        ...(['stream_not_found', 'precondition_required', 'precondition_failed'] as const),
        ...(['too_many_requests', 'unsupported_media_type'] as const),
      ],
    },
    {
      id: `end${name}`,
      method: 'delete',
      path,
      group: 'WHIP and WHEP',
      title: `End ${what}`,
      text: 'The address is the grant.',
      answers: { 200: { means: 'It has ended.' } },
      refusals: ['stream_not_found'],
    },
  ];
}

export const WHIP_OPERATIONS: readonly Operation[] = [
  {
    id: 'startWhip',
    method: 'post',
    path: '/whip/:stream',
    group: 'WHIP and WHEP',
    title: 'Publish a stream',
    need: 'publish',
    body: { type: SDP, example: OFFER },
    answers: START,
    refusals: [
      ...(['stream_in_use', 'server_full', 'server_closing', 'unavailable'] as const),
      ...(['unsupported_codec', 'unsupported_media_type', 'media_failed'] as const),
    ],
  },
  ...session('whip', 'a publisher’s session'),
  {
    id: 'startWhep',
    method: 'post',
    path: '/whep/:stream',
    group: 'WHIP and WHEP',
    title: 'Watch a stream',
    text: 'One that is not live is waited for as long as `whep.wait` says. The session ends with its publisher; ask again then. It needs a media worker of Pharos’s own build.',
    need: 'watch',
    body: { type: SDP, example: OFFER },
    answers: START,
    refusals: [
      ...(['stream_not_found', 'full', 'server_full', 'server_closing', 'unavailable'] as const),
      ...(['unsupported_codec', 'unsupported_media_type', 'media_failed'] as const),
    ],
  },
  ...session('whep', 'a player’s session'),
];
