/** `/api/cameras`: what cameras there are and how they do; adding and removing some while running. */
import { Router } from 'express';
import type { CameraSettings } from '../../config/schema.ts';
import type { Access } from '../auth/access.ts';
import { CAMERA_URL_WORDS } from '../base/camera-url.ts';
import { PharosError } from '../base/errors.ts';
import type { Cameras } from '../cameras/cameras.ts';
import { respond, serve } from './operation.ts';
import { addCamera, getCamera, listCameras, removeCamera } from './operations/cameras.ts';

type Options = { access: Access; cameras: Cameras };

export function camerasApi({ access, cameras }: Options): Router {
  const router = Router();
  serve(router, access, listCameras, (_request, response) => {
    respond(response, listCameras, 200, { cameras: cameras.list() });
  });
  serve(router, access, addCamera, async (request, response) => {
    const status = await cameras.add(settingsOf(request.body));
    access.audit(request, 'camera.add', { streamId: status.stream });
    response.location(`/api/cameras/${status.stream}`);
    respond(response, addCamera, 201, status);
  });
  serve(router, access, getCamera, (request, response) => {
    const status = cameras.get(streamOf(request));
    if (!status) throw new PharosError('stream_not_found', 'there is no camera of this stream');
    respond(response, getCamera, 200, status);
  });
  serve(router, access, removeCamera, async (request, response) => {
    await cameras.remove(streamOf(request));
    access.audit(request, 'camera.remove', { streamId: streamOf(request) });
    respond(response, removeCamera, 204);
  });
  return router;
}

/** The values are not repeated: one may be a password in the wrong place. */
function settingsOf(body: unknown): CameraSettings {
  const parsed = addCamera.body.schema.safeParse(body);
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

function streamOf({ params: { stream = '' } }: { params: Record<string, string> }): string {
  return stream;
}
