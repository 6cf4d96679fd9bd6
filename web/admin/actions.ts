/** What an operator does, by the REST API; each resolves with a sentence that says what came of it. */
import * as z from 'zod/mini';
import { effectiveConfig, type MadeGrant, madeGrant } from '../../server/protocol/live.ts';
import { recordingList } from '../../server/protocol/recordings.ts';
import { AdminApi } from '../base/admin-api.ts';
import { t } from './text.ts';

const revoked = z.object({ ended: z.number() });

export type NewGrant = {
  action: MadeGrant['action'];
  stream: string;
  /** In seconds. */
  ttl: number;
  subject?: string;
  limits?: { viewers?: number; bitrate?: number; streams?: number };
};

export type NewCamera = {
  stream: string;
  url: string;
  onDemand: boolean;
  transport: 'tcp' | 'udp';
  transcode: 'never' | 'auto';
};

/** Each throws an ApiError. */
export class Actions extends AdminApi {
  async stopStream(stream: string): Promise<string> {
    await this.ask('DELETE', `/api/streams/${stream}`);
    return t('done.stream', { stream });
  }

  async kick(stream: string, session: string, who: string): Promise<string> {
    await this.ask('DELETE', `/api/streams/${stream}/sessions/${session}`);
    return t('done.kick', { who });
  }

  async record(stream: string): Promise<string> {
    await this.ask('POST', `/api/streams/${stream}/recording`);
    return t('done.record', { stream });
  }

  async stopRecording(stream: string): Promise<string> {
    await this.ask('DELETE', `/api/streams/${stream}/recording`);
    return t('done.recordStop', { stream });
  }

  async revoke(what: { jti: string } | { subject: string }): Promise<string> {
    const response = await this.ask('POST', '/api/revoke', what);
    const { ended } = revoked.parse(await response.json());
    return t('done.revoke', { what: 'jti' in what ? what.jti : what.subject, count: ended });
  }

  async addCamera(camera: NewCamera): Promise<string> {
    await this.ask('POST', '/api/cameras', camera);
    return t('done.camera', { stream: camera.stream });
  }

  async removeCamera(stream: string): Promise<string> {
    await this.ask('DELETE', `/api/cameras/${stream}`);
    return t('done.cameraRemove', { stream });
  }

  async makeGrant(grant: NewGrant): Promise<MadeGrant> {
    return madeGrant.parse(await (await this.ask('POST', '/api/grants', grant)).json());
  }

  async recordings() {
    return recordingList.parse(await (await this.ask('GET', '/api/recordings')).json());
  }

  async config() {
    return effectiveConfig.parse(await (await this.ask('GET', '/api/config')).json()).settings;
  }
}
