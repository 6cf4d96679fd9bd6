import { z } from 'zod';
import { cameraSchema } from '../../../config/schema.ts';
import { CAMERA_URL_WORDS } from '../../base/camera-url.ts';
import { described, operation } from '../operation.ts';

const treatment = z.enum(['copy', 'encode']).optional();

const settings = described('CameraSettings', z.strictObject(cameraSchema.shape), {
  stream: 'The stream id that it is published under.',
  url: `Its address: ${CAMERA_URL_WORDS}.`,
  onDemand: 'Pulled only while somebody watches; false: always.',
  transport: 'By what its RTP comes.',
  transcode: '`auto`: what browsers cannot play is encoded anew to H.264.',
});

const camera = described(
  'Camera',
  z.object({
    stream: z.string(),
    url: z.string(),
    onDemand: z.boolean(),
    transport: z.enum(['tcp', 'udp']),
    transcode: z.enum(['never', 'auto']),
    source: z.enum(['config', 'api']),
    state: z.enum(['idle', 'connecting', 'live', 'retrying', 'failed']),
    since: z.iso.datetime(),
    error: z.string().nullable(),
    tracks: z.object({ video: treatment, audio: treatment }).nullable(),
    viewers: z.int().min(0),
  }),
  {
    url: 'Its address, without user name, password, path and query.',
    source: 'Whether it is in the configuration or was added while running.',
    state:
      '`idle`: on demand, and nobody watches. `retrying`: it failed for a reason that may pass. `failed`: for one that somebody has to do something about; it is tried again now and then.',
    since: 'Since when it is in that state.',
    error: 'What is wrong with it, or was when it was tried last, in a sentence.',
    tracks: 'What is done with its tracks, while it is pulled.',
    viewers: 'How many watch its stream or wait for it.',
  },
);

const EXAMPLE = {
  stream: 'door',
  url: 'rtsp://203.0.113.20',
  onDemand: true,
  transport: 'tcp',
  transcode: 'never',
  source: 'api',
  state: 'live',
  since: '2026-11-21T18:04:11.310Z',
  error: null,
  tracks: { video: 'copy' },
  viewers: 2,
};

export const listCameras = operation({
  id: 'listCameras',
  method: 'get',
  path: '/api/cameras',
  group: 'Cameras',
  title: 'All cameras, and how they do',
  need: 'administer',
  answers: {
    200: {
      means: 'Those of the configuration first.',
      schema: z.object({ cameras: z.array(camera) }),
      example: { cameras: [EXAMPLE] },
    },
  },
  refusals: [],
});

export const addCamera = operation({
  id: 'addCamera',
  method: 'post',
  path: '/api/cameras',
  group: 'Cameras',
  title: 'Add a camera, and keep it',
  text: 'It is asked at once what it sends: what will never play is refused, with the reason. One that is off just now is added. Private networks are those of `cameraNetworks` alone.',
  need: 'administer',
  body: {
    schema: settings,
    example: { stream: 'door', url: 'rtsp://user:password@203.0.113.20/stream1', onDemand: true },
  },
  answers: {
    201: {
      means: 'It is added.',
      schema: camera,
      example: EXAMPLE,
      headers: { Location: 'Its address in this API.' },
    },
  },
  refusals: ['stream_in_use', 'server_full', 'unsupported_codec', 'server_closing'],
});

export const getCamera = operation({
  id: 'getCamera',
  method: 'get',
  path: '/api/cameras/:stream',
  group: 'Cameras',
  title: 'One camera, and how it does',
  need: 'administer',
  answers: { 200: { means: 'As in the list.', schema: camera, example: EXAMPLE } },
  refusals: ['stream_not_found'],
});

export const removeCamera = operation({
  id: 'removeCamera',
  method: 'delete',
  path: '/api/cameras/:stream',
  group: 'Cameras',
  title: 'End and forget a camera',
  text: 'Not one of the configuration.',
  need: 'administer',
  answers: { 204: { means: 'It is gone, and its stream has ended.' } },
  refusals: ['stream_not_found', 'wrong_order'],
});
