/** `/api/cameras`: what cameras there are and how they do; adding and removing some while running. */
import { type RequestHandler, Router } from 'express';
import { type CameraSettings, cameraSchema } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import { CAMERA_URL_WORDS } from '../base/camera-url.ts';
import { PharosError } from '../base/errors.ts';
import type { Cameras } from '../cameras/cameras.ts';

type Options = { access: Access; cameras: Cameras };

export function camerasApi({ access, cameras }: Options): Router {
  const router = Router();
  router
    .route('/api/cameras')
    .all(access.need('administer'))
    .get((_request, response) => {
      response.json({ cameras: cameras.list() });
    })
    .post(async (request, response) => {
      const status = await cameras.add(settingsOf(request.body));
      access.audit(request, 'camera.add', { streamId: status.stream });
      response.status(201).location(`/api/cameras/${status.stream}`).json(status);
    })
    .all(notAllowed('GET, POST'));
  router
    .route('/api/cameras/:stream')
    .all(access.need('administer'))
    .get((request, response) => {
      const status = cameras.get(request.params.stream);
      if (!status) throw new PharosError('stream_not_found', 'there is no camera of this stream');
      response.json(status);
    })
    .delete(async (request, response) => {
      await cameras.remove(request.params.stream);
      access.audit(request, 'camera.remove', { streamId: request.params.stream });
      response.status(204).end();
    })
    .all(notAllowed('GET, DELETE'));
  return router;
}

/** The values are not repeated: one may be a password in the wrong place. */
function settingsOf(body: unknown): CameraSettings {
  const parsed = cameraSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'unrecognized_keys') {
    throw new PharosError('bad_request', `there is no field ${JSON.stringify(issue.keys[0])}; ${FIELDS}`);
  }
  const field = issue?.path[0];
  if (field === undefined) throw new PharosError('bad_request', `the body must be a JSON object; ${FIELDS}`);
  throw new PharosError('bad_request', `${String(field)}: it must be ${WORDS[String(field)]}`);
}

const WORDS: Readonly<Record<string, string>> = {
  stream: '1 to 64 letters, digits, "-" or "_"',
  url: CAMERA_URL_WORDS,
  onDemand: 'true or false',
  transport: '"tcp" or "udp"',
  transcode: '"never" or "auto"',
};
const FIELDS = `the fields are ${Object.keys(WORDS).join(', ')}`;

function notAllowed(methods: string): RequestHandler {
  return (_request, response) => {
    response.set('Allow', methods);
    throw new PharosError('method_not_allowed', `this address takes ${methods}`);
  };
}
