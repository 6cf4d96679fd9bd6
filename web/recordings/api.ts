import { type RecordingList, recordingList } from '../../server/protocol/recordings.ts';
import { AdminApi } from '../base/admin-api.ts';

export class RecordingsApi extends AdminApi {
  /** @throws ApiError */
  async list(): Promise<RecordingList> {
    return recordingList.parse(await (await this.ask('GET', '/api/recordings')).json());
  }

  /** @throws ApiError */
  async delete(id: string): Promise<void> {
    await this.ask('DELETE', `/api/recordings/${id}`);
  }
}
