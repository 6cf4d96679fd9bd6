import { describe, expect, test } from 'vitest';
import { CameraFault } from '../../../server/cameras/fault.ts';
import { type PlanRules, planTracks, readTracks } from '../../../server/cameras/tracks.ts';

const HEAD = 'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n';
const RULES: PlanRules = { transcode: 'never', carriesH264: true, bFramesSeen: false };

const BASELINE = 'Z0LADdkBQfsBEAAAAwAQAAADAyDxQqSA,aM44gA==';
const B_FRAMES = 'Z01ADeygoP2AiAAAAwAIAAADAZB4oUyw,aM44gA==';
const TEN_BITS = 'Z24ADabLICg/YCIAAAMAAgAAAwBkHihUkA==,aM44gA==';

function sdp(video: string, audio = ''): string {
  return HEAD + [...lines('video', video), ...lines('audio', audio)].join('');
}

/** `H264/90000 parameters`, `8` for a static payload type. */
function lines(kind: string, text: string): string[] {
  if (text === '') return [];
  if (/^\d+$/.test(text)) return [`m=${kind} 0 RTP/AVP ${text}\r\n`];
  const [map, ...parameters] = text.split(' ');
  return [
    `m=${kind} 0 RTP/AVP 97\r\n`,
    `a=rtpmap:97 ${map}\r\n`,
    ...(parameters.length > 0 ? [`a=fmtp:97 ${parameters.join(' ')}\r\n`] : []),
  ];
}

function plan(video: string, audio = '', rules: Partial<PlanRules> = {}) {
  return planTracks(readTracks(sdp(video, audio)), { ...RULES, ...rules });
}

function fault(run: () => unknown): CameraFault {
  try {
    run();
  } catch (error) {
    if (error instanceof CameraFault) return error;
    throw error;
  }
  throw new Error('no fault');
}

const h264 = (sets: string) =>
  `H264/90000 packetization-mode=1;sprop-parameter-sets=${sets};profile-level-id=42`;

describe('what a camera sends', () => {
  test('is read from its SDP', () => {
    expect(readTracks(sdp(h264(BASELINE), 'MPEG4-GENERIC/16000/1 config=1408'))).toEqual({
      video: { encoding: 'H264', sps: { profile: 66, width: 320, height: 240, reordered: 'no' } },
      audio: { encoding: 'MPEG4-GENERIC' },
    });
    expect(readTracks(sdp('h264/90000', '8'))).toEqual({
      video: { encoding: 'H264', sps: undefined },
      audio: { encoding: 'PCMA' },
    });
    expect(readTracks(sdp('26')).video?.encoding).toBe('JPEG');
  });

  test('the first video and the first audio count, and nothing else', () => {
    const text = `${sdp('H264/90000', '0')}m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\nm=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n`;
    expect(readTracks(text)).toMatchObject({ video: { encoding: 'H264' }, audio: { encoding: 'PCMU' } });
  });

  test.each(['', HEAD, 'nonsense', `${HEAD}m=application 0 RTP/AVP 107\r\n`])('%j is nothing', (text) => {
    expect(fault(() => readTracks(text)).code).toBe('source_unsupported');
  });
});

describe('what is done with it', () => {
  test.each([
    ['H.264 and Opus are copied', h264(BASELINE), 'opus/48000/2', { video: 'copy', audio: 'copy' }],
    ['H.264 that has its parameter sets in-band', 'H264/90000', '', { video: 'copy', audio: undefined }],
    ['AAC becomes Opus', h264(BASELINE), 'MPEG4-GENERIC/44100/2', { video: 'copy', audio: 'encode' }],
    ['AAC as LATM too', h264(BASELINE), 'MP4A-LATM/44100/2', { video: 'copy', audio: 'encode' }],
    ['G.711 µ-law too', h264(BASELINE), '0', { video: 'copy', audio: 'encode' }],
    ['G.711 A-law too', h264(BASELINE), 'PCMA/8000', { video: 'copy', audio: 'encode' }],
    ['G.726 too', h264(BASELINE), 'G726-32/8000', { video: 'copy', audio: 'encode' }],
    [
      'sound of an unknown kind is left out',
      h264(BASELINE),
      'X-FOO/8000',
      { video: 'copy', audio: undefined },
    ],
    ['sound alone', '', 'opus/48000/2', { video: undefined, audio: 'copy' }],
    ['possible B-frames are copied until they come', h264(B_FRAMES), '', { video: 'copy', audio: undefined }],
  ])('%s', (_what, video, audio, expected) => {
    expect(plan(video, audio)).toEqual(expected);
  });

  test.each([
    ['H265/90000', /sends H\.265, which browsers do not play: set it to H\.264, or .*"transcode" to "auto"/],
    ['MP4V-ES/90000', /sends MPEG-4, /],
    ['26', /sends Motion JPEG, /],
    [h264(TEN_BITS), /H\.264 in a profile that browsers do not play/],
  ])('%s needs transcode', (video, message) => {
    expect(fault(() => plan(video))).toMatchObject({
      code: 'source_unsupported',
      message: expect.stringMatching(message),
      passing: false,
    });
    expect(plan(video, '', { transcode: 'auto' }).video).toBe('encode');
  });

  test.each([
    ['AV2/90000', 'auto', /sends AV2, which is not known here; set it to H\.264/],
    [`${'X'.repeat(1000)}/90000`, 'auto', /sends X{20}, which/],
    ['"<>/90000', 'auto', /sends something, which/],
    ['', 'auto', /sound as FOO, which is not known/],
  ] as const)('%s is of no use', (video, transcode, message) => {
    expect(fault(() => plan(video, video ? '' : 'foo/8000', { transcode })).message).toMatch(message);
  });

  test('B-frames that came are refused, or encoded anew', () => {
    const seen = { bFramesSeen: true };
    expect(fault(() => plan(h264(B_FRAMES), '', seen)).code).toBe('b_frames');
    expect(fault(() => plan('H264/90000', '', seen)).code).toBe('b_frames');
    expect(plan('H264/90000', '', { ...seen, transcode: 'auto' }).video).toBe('encode');
    // Meanwhile it was set right.
    expect(plan(h264(BASELINE), '', seen).video).toBe('copy');
    // Where encoding is allowed, nobody is to see the jumping at all.
    expect(plan(h264(B_FRAMES), '', { transcode: 'auto' }).video).toBe('encode');
  });

  test('a server without H.264 says which setting it is', () => {
    expect(fault(() => plan(h264(BASELINE), '', { carriesH264: false })).message).toContain(
      'media.videoCodecs',
    );
  });
});
