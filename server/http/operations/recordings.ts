import { recording, recordingList, recordingPart, recordingStatus } from '../../protocol/recordings.ts';
import { described, operation } from '../operation.ts';

described('Recording', recording, {
  id: '`<stream>/<start>`, as in the addresses of the API.',
  start: 'When it began.',
  end: 'When it ended; null while it goes on.',
  state: '`finishing`: its files are being checked and made ready to be played.',
  progress: 'Of finishing, 0 to 1.',
  endReason: 'Why it ended, in a few words.',
  verdict: 'What came of checking its files; null before.',
  why: 'More about the verdict, in a sentence.',
  parts: 'Its files, one after the other.',
  thumbnail: 'The address of a picture.',
  upload: 'How it stands with the upload to S3.',
});
described('RecordingPart', recordingPart, {
  file: 'Its name.',
  duration: 'In seconds; null while nobody knows.',
  url: 'Where it plays, for 12 to 24 hours and for whoever has the address; null while it is being written, or when it is in the store alone.',
});
described('RecordingStatus', recordingStatus, {
  mode: 'Whether the stream is recorded: never, when asked to, or whenever it is live.',
  recording: 'The one that goes on now.',
});

const ID = 'stage-2/2026-11-21T18-04-11.310Z';
const EXAMPLE = {
  id: ID,
  stream: 'stage-2',
  start: '2026-11-21T18:04:11.310Z',
  end: '2026-11-21T19:31:02.004Z',
  state: 'done',
  progress: null,
  endReason: 'the stream ended',
  verdict: 'ok',
  why: '',
  parts: [
    {
      file: '2026-11-21T18-04-11.310Z.mp4',
      bytes: 1_493_021_884,
      duration: 5210.6,
      codecs: ['h264', 'opus'],
      width: 1280,
      height: 720,
      verdict: 'ok',
      why: '',
      url: `/api/recordings/${ID}/files/2026-11-21T18-04-11.310Z.mp4?until=1795305600000&grant=oP3…`,
    },
  ],
  thumbnail: null,
  upload: 'off',
};
const STATUS_EXAMPLE = {
  mode: 'manual',
  recording: { id: ID, start: EXAMPLE.start, seconds: 61.2, bytes: 18_200_331, parts: 1 },
};

export const listRecordings = operation({
  id: 'listRecordings',
  method: 'get',
  path: '/api/recordings',
  group: 'Recordings',
  title: 'What was recorded, the newest first',
  need: 'administer',
  answers: {
    200: {
      means:
        'The newest 200; `more` says that there are others. `disk` is what is free and there in all, in bytes.',
      schema: recordingList,
      example: { recordings: [EXAMPLE], more: false, disk: { free: 61_203_283_968, total: 107_374_182_400 } },
    },
  },
  refusals: [],
});

export const getRecording = operation({
  id: 'getRecording',
  method: 'get',
  path: '/api/recordings/:stream/:start',
  group: 'Recordings',
  title: 'One recording',
  need: 'administer',
  answers: { 200: { means: 'As in the list.', schema: recording, example: EXAMPLE } },
  refusals: ['stream_not_found'],
});

export const deleteRecording = operation({
  id: 'deleteRecording',
  method: 'delete',
  path: '/api/recordings/:stream/:start',
  group: 'Recordings',
  title: 'Delete a recording for good',
  need: 'administer',
  answers: { 204: { means: 'Its files are gone.' } },
  refusals: ['stream_not_found', 'wrong_order'],
});

export const getRecordingFile = operation({
  id: 'getRecordingFile',
  method: 'get',
  path: '/api/recordings/:stream/:start/files/:file',
  group: 'Recordings',
  title: 'A file of a recording',
  text: 'By an address of the list (`url`, `thumbnail`), which holds the grant itself; with ranges, so that players can seek.',
  query: {
    until: { text: 'As in the address of the list.', required: true },
    grant: { text: 'As in the address of the list.', required: true },
    download: { text: 'Whatever it is: to be saved rather than played.', required: false },
  },
  answers: {
    200: { means: 'All of it.', type: 'application/octet-stream' },
    206: { means: 'The range that was asked for.', type: 'application/octet-stream' },
  },
  refusals: ['unauthorized', 'stream_not_found'],
});

export const getStreamRecording = operation({
  id: 'getStreamRecording',
  method: 'get',
  path: '/api/streams/:stream/recording',
  group: 'Recordings',
  title: 'What is recorded of a stream now',
  need: 'record',
  answers: { 200: { means: 'How it stands.', schema: recordingStatus, example: STATUS_EXAMPLE } },
  refusals: ['bad_request'],
});

export const startRecording = operation({
  id: 'startRecording',
  method: 'post',
  path: '/api/streams/:stream/recording',
  group: 'Recordings',
  title: 'Record a live stream',
  text: 'One that is recorded already goes on.',
  need: 'record',
  answers: { 201: { means: 'It is recorded.', schema: recordingStatus, example: STATUS_EXAMPLE } },
  refusals: ['bad_request', 'not_allowed', 'stream_not_found', 'disk_full', 'server_closing'],
});

export const stopRecording = operation({
  id: 'stopRecording',
  method: 'delete',
  path: '/api/streams/:stream/recording',
  group: 'Recordings',
  title: 'End a stream’s recording',
  text: 'Its files are then checked and made ready, which shows in the list.',
  need: 'record',
  answers: {
    200: {
      means: 'It has ended.',
      schema: recordingStatus,
      example: { mode: 'manual', recording: null },
    },
  },
  refusals: ['bad_request', 'stream_not_found'],
});
