import { describe, expect, test } from 'vitest';
import { type RtpOutput, type RtspSource, rtspToRtp } from '../../../workers/ffmpeg/rtsp-to-rtp.ts';

const SOURCE: RtspSource = {
  url: 'rtsp://127.0.0.1:5540/token',
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
  test('pulls from the one address, and only the tracks that are wanted', () => {
    const text = rtspToRtp(SOURCE, [VIDEO, AUDIO], 0).join(' ');
    expect(text).toContain('-protocol_whitelist rtsp,rtp,udp,tcp -rtsp_transport tcp -timeout 5000000');
    expect(text).toContain('-allowed_media_types video+audio');
    expect(text).toContain('-i rtsp://127.0.0.1:5540/token -map 0:v:0');
    expect(rtspToRtp(SOURCE, [VIDEO], 0).join(' ')).toContain('-allowed_media_types video ');
    expect(rtspToRtp({ ...SOURCE, transport: 'udp' }, [VIDEO], 0).join(' ')).toContain('-rtsp_transport udp');
  });

  test('copies, with the parameter sets before each key frame', () => {
    const text = rtspToRtp(SOURCE, [VIDEO], 1_000_000).join(' ');
    expect(text).toContain('-map 0:v:0 -c:v copy -bsf:v dump_extra=freq=keyframe -f rtp');
    expect(text).toContain('-payload_type 96 -ssrc 1234');
    expect(text).toContain('rtp://127.0.0.1:4000?rtcpport=4001&pkt_size=1200');
    expect(text).not.toContain('0:a');
  });

  test('encodes without B-frames, with a key frame a second', () => {
    const text = rtspToRtp(SOURCE, [{ ...VIDEO, treatment: 'encode' }], 0).join(' ');
    expect(text).toContain('-c:v libx264');
    expect(text).toContain('-tune zerolatency -profile:v baseline');
    expect(text).toContain('-force_key_frames expr:gte(t,n_forced)');
  });

  test('makes Opus of sound, or copies it', () => {
    expect(rtspToRtp(SOURCE, [{ ...AUDIO, treatment: 'encode' }], 0).join(' ')).toContain(
      '-map 0:a:0 -c:a libopus -ar 48000 -ac 2 -b:a 64000',
    );
    expect(rtspToRtp(SOURCE, [AUDIO], 0).join(' ')).toContain('-map 0:a:0 -c:a copy');
  });

  test('gives all tracks the same clock', () => {
    const args = rtspToRtp(SOURCE, [VIDEO, AUDIO], 1_700_000_000_000.4);
    const starts = args.filter((_arg, index) => args[index - 1] === '-start_time_realtime');
    expect(starts).toHaveLength(2);
    expect(new Set(starts).size).toBe(1);
    expect(starts[0]).toMatch(/^17000000\d{8}$/);
  });
});
