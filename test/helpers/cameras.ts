/** What tests of cameras share: a server that may pull from this machine, a real RTSP server, and what a viewer gets. */
import { onTestFinished } from 'vitest';
import { ADMIN_KEY } from './camera-api.ts';
import { decodeAudio, decodeVideo } from './decode.ts';
import { watchPackets } from './live.ts';
import { RtspServer, type RtspServerOptions } from './rtsp-server.ts';
import { startServer, type TestServer } from './server.ts';

export const PASSWORD = 'hunter2#/@!';
export const CREDENTIALS = `admin:${encodeURIComponent(PASSWORD)}`;
const LOOPBACK = '127.0.0.0/8';

/** Ends with the test. */
export async function pharos(settings: Record<string, string | number> = {}): Promise<TestServer> {
  const server = await startServer({
    PHAROS_AUTH_ADMIN_KEY: ADMIN_KEY,
    PHAROS_CAMERA_NETWORKS: LOOPBACK,
    ...settings,
  });
  onTestFinished(async ({ task }) => {
    await server.stop();
    if (task.result?.state === 'fail') console.log(server.output());
  });
  return server;
}

/** Serves these paths (rtsp-server.py) until the test ends. */
export async function camera(paths: string[], options: RtspServerOptions = {}): Promise<RtspServer> {
  const rtsp = await RtspServer.start(paths, options);
  onTestFinished(() => rtsp.stop());
  return rtsp;
}

/** What a viewer sees and hears in two seconds. */
export async function play(server: TestServer, stream: string, tracks: { video: boolean; audio: boolean }) {
  const viewer = await watchPackets(server.url, stream);
  const [video, audio] = await Promise.all([
    tracks.video ? viewer.seconds('video', 2) : [],
    tracks.audio ? viewer.seconds('audio', 2) : [],
  ]);
  await viewer.stop();
  return {
    picture: tracks.video ? await decodeVideo('H264', video) : undefined,
    // The last second: in the first, the sound finds its place beside the picture.
    sound: tracks.audio ? await decodeAudio(audio.slice(-50)) : undefined,
  };
}
