import type { Operation } from '../operation.ts';
import { addCamera, getCamera, listCameras, removeCamera } from './cameras.ts';
import { makeGrant, revokeGrants } from './grants.ts';
import {
  deleteRecording,
  getRecording,
  getRecordingFile,
  getStreamRecording,
  listRecordings,
  startRecording,
  stopRecording,
} from './recordings.ts';
import { getConfig, getHealth, getMetrics, getOpenApi, getReadiness } from './server.ts';
import { deleteStream, endSession, getPoster, getStream, listSessions, listStreams } from './streams.ts';
import { WHIP_OPERATIONS } from './whip.ts';

/** Every operation of the REST API, as the document shows them. */
export const OPERATIONS: readonly Operation[] = [
  ...[listStreams, getStream, deleteStream, listSessions, endSession, getPoster],
  ...[listRecordings, getRecording, deleteRecording, getRecordingFile],
  ...[getStreamRecording, startRecording, stopRecording],
  ...[listCameras, addCamera, getCamera, removeCamera],
  ...[makeGrant, revokeGrants],
  ...WHIP_OPERATIONS,
  ...[getConfig, getHealth, getReadiness, getMetrics, getOpenApi],
];
