import { describe, expect, test } from 'vitest';
import { type RtpOutput, type RtspSource, rtspToRtp } from '../../../workers/ffmpeg/rtsp-to-rtp.ts';

const SOURCE: RtspSource = {
  url: 'rtsp://me:hunter2@192.168.1.20:554/live',
  transport: 'tcp',
  timeoutMs: 5000,
  probing: 'brief',
};
const VIDEO: RtpOutput = {
  kind: 'video',
  treatment: 'copy',
  address: '127.0.0.1',
  rtpPort: 4000,
  rtcpPort: 4001,
  ssrc: 1234,
  payloadType: 96,
  bitrate: 6_000_000,
};
const AUDIO: RtpOutput = { ...VIDEO, kind: 'audio', rtpPort: 5000, payloadType: 97, bitrate: 64_000 };

describe('the command', () => {
  test('has nothing of the address among its arguments', () => {
    const { args, input } = rtspToRtp(SOURCE, [VIDEO, AUDIO], 0);
    expect(args.join(' ')).not.toMatch(/hunter2|192\.168/);
    expect(input).toContain("file 'rtsp://me:hunter2@192.168.1.20:554/live'\n");
    expect(input).toContain('option timeout 5000000\n');
    expect(input).toContain('option allowed_media_types video+audio\n');
    expect(input).toContain('option rtsp_transport tcp\n');
  });

  test('lets nothing of the address end the line in the script that it stands in', () => {
    const { input } = rtspToRtp({ ...SOURCE, url: "rtsp://cam/a'b" }, [VIDEO], 0);
    expect(input).toContain("file 'rtsp://cam/a%27b'\n");
    expect(input.split('\n').filter((line) => line.startsWith('file'))).toHaveLength(1);
  });

  test('copies, with the parameter sets before each key frame', () => {
    const text = rtspToRtp(SOURCE, [VIDEO], 1_000_000).args.join(' ');
    expect(text).toContain('-map 0:v:0 -c:v copy -bsf:v dump_extra=freq=keyframe -f rtp');
    expect(text).toContain('-payload_type 96 -ssrc 1234');
    expect(text).toContain('rtp://127.0.0.1:4000?rtcpport=4001&pkt_size=1200');
    expect(text).not.toContain('0:a');
  });

  test('encodes without B-frames, with a key frame a second', () => {
    const text = rtspToRtp(SOURCE, [{ ...VIDEO, treatment: 'encode' }], 0).args.join(' ');
    expect(text).toContain('-c:v libx264');
    expect(text).toContain('-tune zerolatency -profile:v baseline');
    expect(text).toContain('-force_key_frames expr:gte(t,n_forced)');
  });

  test('makes Opus of sound, or copies it', () => {
    expect(rtspToRtp(SOURCE, [{ ...AUDIO, treatment: 'encode' }], 0).args.join(' ')).toContain(
      '-map 0:a:0 -c:a libopus -ar 48000 -ac 2 -b:a 64000',
    );
    expect(rtspToRtp(SOURCE, [AUDIO], 0).args.join(' ')).toContain('-map 0:a:0 -c:a copy');
  });

  test('gives all tracks the same clock', () => {
    const { args } = rtspToRtp(SOURCE, [VIDEO, AUDIO], 1_700_000_000_000.4);
    const starts = args.filter((_arg, index) => args[index - 1] === '-start_time_realtime');
    expect(starts).toHaveLength(2);
    expect(new Set(starts).size).toBe(1);
    expect(starts[0]).toMatch(/^17000000\d{8}$/);
  });
});
