import { z } from 'zod';
import { NOTICE_CODES } from '../../protocol/codes.ts';
import { described, operation } from '../operation.ts';

const time = () => z.iso.datetime();

const stream = described(
  'Stream',
  z.object({
    stream: z.string(),
    title: z.string(),
    live: z.boolean(),
    viewers: z.int().min(0),
    since: time(),
  }),
  {
    stream: 'Its id.',
    title: 'What its publisher calls it; empty if nothing.',
    live: 'Whether all tracks of its publisher have come; false too while viewers wait for it.',
    viewers: 'How many watch it or wait for it.',
    since: 'When the first of them came.',
  },
);

const notice = described('Notice', z.object({ code: z.enum(NOTICE_CODES), message: z.string() }), {
  code: 'Which thing it is; this does not change.',
  message: 'A sentence for people.',
});

const details = described(
  'StreamDetails',
  z.object({ stream: z.string(), live: z.boolean(), viewers: z.int().min(0), notices: z.array(notice) }),
  { notices: 'What of its media was found to disturb viewers, or what was not carried.' },
);

const session = described(
  'Session',
  z.object({
    id: z.string(),
    role: z.enum(['publisher', 'viewer']),
    since: time(),
    protocol: z.enum(['websocket', 'whip', 'whep', 'rtp']).optional(),
    address: z.string().optional(),
    subject: z.string().optional(),
  }),
  {
    id: 'To end it by; no secret.',
    since: 'When it began.',
    address: 'The client’s IP address.',
    subject: 'Who holds the grant by which it goes on; the address where none was needed.',
  },
);

const SINCE = '2026-11-21T18:04:11.310Z';

export const listStreams = operation({
  id: 'listStreams',
  method: 'get',
  path: '/api/streams',
  group: 'Streams',
  title: 'Streams that somebody publishes, watches or waits for',
  need: 'administer',
  answers: {
    200: {
      means: 'All of them.',
      schema: z.object({ streams: z.array(stream) }),
      example: { streams: [{ stream: 'stage-2', title: 'Opening', live: true, viewers: 31, since: SINCE }] },
    },
  },
  refusals: [],
});

export const getStream = operation({
  id: 'getStream',
  method: 'get',
  path: '/api/streams/:stream',
  group: 'Streams',
  title: 'A stream, and what disturbs its viewers',
  text: 'Also for whoever publishes it: an encoder has no page that could tell what it does wrong.',
  need: 'record',
  answers: {
    200: {
      means: 'Somebody publishes it.',
      schema: details,
      example: {
        stream: 'stage-2',
        live: true,
        viewers: 31,
        notices: [{ code: 'b_frames', message: 'the encoder sends B-frames, which browsers cannot show' }],
      },
    },
  },
  refusals: ['stream_not_found'],
});

export const deleteStream = operation({
  id: 'deleteStream',
  method: 'delete',
  path: '/api/streams/:stream',
  group: 'Streams',
  title: 'End a stream',
  text: 'For its publisher and all who watch or wait. Whoever may publish it can begin anew; to end that too, revoke the grant. A camera’s stream is ended by removing the camera.',
  need: 'administer',
  answers: { 204: { means: 'It has ended.' } },
  refusals: ['stream_not_found', 'stream_in_use'],
});

export const listSessions = operation({
  id: 'listSessions',
  method: 'get',
  path: '/api/streams/:stream/sessions',
  group: 'Streams',
  title: 'Who publishes and watches a stream',
  need: 'administer',
  answers: {
    200: {
      means: 'The publisher first.',
      schema: z.object({ sessions: z.array(session) }),
      example: {
        sessions: [
          {
            id: '3f0f2b56-6a1b-4d5e-8f6f-0d7c1c5b2a10',
            role: 'publisher',
            since: SINCE,
            protocol: 'websocket',
            address: '192.0.2.7',
            subject: 'anna',
          },
        ],
      },
    },
  },
  refusals: ['stream_not_found'],
});

export const endSession = operation({
  id: 'endSession',
  method: 'delete',
  path: '/api/streams/:stream/sessions/:session',
  group: 'Streams',
  title: 'End one publisher’s or viewer’s part',
  text: 'It may come back, if its grant still holds.',
  need: 'administer',
  answers: { 204: { means: 'It has ended.' } },
  refusals: ['stream_not_found'],
});

export const getPoster = operation({
  id: 'getPoster',
  method: 'get',
  path: '/api/streams/:stream/poster',
  group: 'Streams',
  title: 'A picture of a live stream',
  text: 'Of a recent key frame, 640 pixels at its longer side; made when it is asked for, every 10 s at most (`posters.interval`). It outlasts its stream by five minutes. Who asks is no viewer. Pages of any origin may.',
  need: 'watch',
  answers: {
    200: {
      means: 'The picture.',
      type: 'image/jpeg',
      headers: { ETag: 'To ask for it again by `If-None-Match`: 304 while it is the same.' },
    },
    304: { means: 'It is the same.' },
  },
  refusals: ['stream_not_found', 'too_many_requests'],
});
