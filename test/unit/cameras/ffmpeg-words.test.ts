import { expect, test } from 'vitest';
import { CameraFault } from '../../../server/cameras/fault.ts';
import { exitFault, isUndescribed, TimeJumps } from '../../../server/cameras/ffmpeg-words.ts';

const exit = { code: 1, signal: null };

test.each([
  [{ code: 0, signal: null }, [], 'the camera ended the stream', true],
  [exit, ['[rtsp @ 0x1] Nonmatching transport in server reply'], 'does not know this transport', false],
  [
    exit,
    ['[rtsp @ 0x1] method SETUP failed: 461 Unsupported transport'],
    'does not know this transport',
    false,
  ],
  [exit, ['spawn ffmpeg ENOENT'], 'there is no ffmpeg', false],
  [exit, ["Unknown encoder 'libx264'"], 'cannot encode this', false],
  [exit, ['pipe:0: Connection timed out'], 'the connection to the camera broke', true],
  [{ code: null, signal: 'SIGKILL' }, [], 'ended by somebody else', true],
])('%o %o', (how, lines, message, passing) => {
  const fault = exitFault(how, lines);
  expect(fault.message).toContain(message);
  expect(fault.passing).toBe(passing);
});

test('what happened to the connection says more than ffmpeg', () => {
  const broken = new CameraFault('source_refused', 'the camera redirects');
  expect(exitFault(exit, ['pipe:0: End of file'], broken)).toBe(broken);
  expect(exitFault(exit, ["Unknown encoder 'libopus'"], broken)).not.toBe(broken);
});

test('a look that was too brief', () => {
  const line =
    '[rtsp @ 0x1] Could not find codec parameters for stream 0 (Video: h264, none): unspecified size';
  expect(isUndescribed([line])).toBe(true);
  expect(isUndescribed(['pipe:0: Connection timed out'])).toBe(false);
});

test('a clock that was set back shows in many complaints in a short time', () => {
  const line = '[rtp @ 0x1] Non-monotonous DTS in output stream 0:0; previous: 9, current: 3; changing to 9.';
  const jumps = new TimeJumps();
  for (let i = 0; i < 100; i++) expect(jumps.count(line, i * 1000)).toBe(false);
  const found = Array.from({ length: 20 }, (_, i) => jumps.count(line, 200_000 + i * 40));
  expect(found.indexOf(true)).toBe(19);
  expect(new TimeJumps().count('anything else', 0)).toBe(false);
});
