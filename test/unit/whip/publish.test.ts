import sdpTransform from 'sdp-transform';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { request } from '../../../server/protocol/messages.ts';
import { type PublishOffer, publishAnswer, readPublishOffer } from '../../../server/whip/sdp-publish.ts';
import { createTestRouter, offer, type TestRouter, TRANSPORT } from '../../helpers/offers.ts';
import { brokenRules } from '../../helpers/sdp-rules.ts';

let server: TestRouter;
beforeAll(async () => {
  server = await createTestRouter();
});
afterAll(() => server.close());

const read = (sdp: string) => readPublishOffer(sdp, server.capabilities);

/** `video VP8/96 rtx/97 by ssrc and rtx`: what would be produced, and how its packets are known. */
function summary({ tracks }: PublishOffer): string[] {
  return tracks.map(({ kind, rtpParameters: { codecs, encodings = [] } }) => {
    const names = codecs.map(({ mimeType, payloadType }) => `${mimeType.split('/')[1]}/${payloadType}`);
    const ways = encodings.map(
      ({ ssrc, rtx, rid }) => rid ?? (ssrc ? (rtx ? 'ssrc and rtx' : 'ssrc') : 'mid'),
    );
    return `${kind} ${names.join(' ')} by ${ways.join(', ')}`;
  });
}

const CORPUS: [name: string, tracks: string[]][] = [
  ['chromium-publish', ['audio opus/111 by ssrc', 'video VP8/96 rtx/97 by ssrc and rtx']],
  ['chromium-publish-max-bundle', ['audio opus/111 by ssrc', 'video VP8/96 rtx/97 by ssrc and rtx']],
  ['chromium-publish-h264', ['audio opus/111 by ssrc', 'video H264/102 rtx/103 by ssrc and rtx']],
  ['chromium-publish-h264-no-rtx', ['audio opus/111 by ssrc', 'video H264/102 by ssrc']],
  ['chromium-publish-audio', ['audio opus/111 by ssrc']],
  ['chromium-publish-data', ['audio opus/111 by ssrc', 'video VP8/96 rtx/97 by ssrc and rtx']],
  ['chromium-sendrecv', ['audio opus/111 by ssrc', 'video VP8/96 rtx/97 by ssrc and rtx']],
  ['chromium-simulcast', ['audio opus/111 by ssrc', 'video VP8/96 rtx/97 by q, h, f']],
  ['firefox-publish', ['audio opus/109 by ssrc', 'video VP8/120 rtx/124 by ssrc and rtx']],
  ['firefox-simulcast', ['audio opus/109 by ssrc', 'video VP8/120 rtx/124 by q, h, f']],
  ['safari-publish', ['audio opus/111 by ssrc', 'video H264/96 rtx/97 by ssrc and rtx']],
  [
    'legacy-sim',
    ['audio opus/111 by ssrc', 'video H264/96 rtx/97 by ssrc and rtx, ssrc and rtx, ssrc and rtx'],
  ],
  ['obs-30', ['audio opus/111 by ssrc', 'video H264/96 by ssrc']],
  ['obs-32-simulcast', ['audio opus/111 by ssrc', 'video H264/96 by 3, 2, 1, 0']],
  ['ffmpeg-whip', ['audio opus/111 by ssrc', 'video H264/106 by ssrc']],
  ['ffmpeg-whip-video', ['video H264/106 by ssrc']],
  ['gstreamer-webrtcbin-vp8', ['audio opus/97 by ssrc', 'video VP8/96 by ssrc']],
  ['gstreamer-webrtcbin-h264', ['video H264/96 by ssrc', 'audio opus/97 by ssrc']],
  ['gstreamer-webrtcbin-no-bundle', ['video VP8/96 by ssrc']],
  ['gstreamer-whipclientsink', ['video VP8/96 rtx/97 by ssrc and rtx', 'audio opus/99 by ssrc']],
  ['libdatachannel-publish', ['audio opus/111 by ssrc', 'video H264/96 by ssrc']],
  ['libdatachannel-publish-vp8', ['video VP8/97 by ssrc']],
];

describe.each(CORPUS)('%s', (name, tracks) => {
  test('is understood', () => {
    expect(summary(read(offer(name)))).toEqual(tracks);
  });

  test('is answered by the rules', () => {
    const sdp = offer(name);
    expect(brokenRules(sdp, publishAnswer(read(sdp), TRANSPORT))).toEqual([]);
  });

  test('is understood alike with lines that end in LF', () => {
    const sdp = offer(name);
    expect(read(sdp.replaceAll('\r\n', '\n'))).toEqual(read(sdp.replace(/\r?\n/g, '\r\n')));
  });

  test('is what the protocol and mediasoup take', async () => {
    const { dtls, tracks: produced } = read(offer(name));
    const transport = await server.transport();
    await transport.connect({ dtlsParameters: dtls });
    for (const { kind, rtpParameters } of produced) {
      const parsed = request.parse({ id: 1, type: 'produce', kind, rtpParameters });
      expect(parsed).toMatchObject({ rtpParameters });
      const producer = await transport.produce({ kind, rtpParameters });
      expect(producer.type).toBe((rtpParameters.encodings?.length ?? 0) > 1 ? 'simulcast' : 'simple');
    }
    transport.close();
  });
});

const FULL = offer('chromium-publish');

const answered = (sdp: string) => publishAnswer(read(sdp), TRANSPORT);
const mediaOf = (sdp: string) => sdpTransform.parse(answered(sdp)).media;

describe('the path', () => {
  test.each([
    ['a=setup:actpass', 'client', 'passive'],
    ['a=setup:active', 'client', 'passive'],
    ['a=setup:passive', 'server', 'active'],
    ['a=x-nothing', 'client', 'passive'],
  ])('%s makes the client the DTLS %s, and us %s', (line, role, setup) => {
    const sdp = FULL.replaceAll('a=setup:actpass', line);
    expect(read(sdp).dtls.role).toBe(role);
    expect(mediaOf(sdp).map((media) => media.setup)).toEqual([setup, setup]);
  });

  test('the credentials and the fingerprint may stand in the session', () => {
    const sdp = offer('obs-30')
      .replace(/(a=ice-(ufrag|pwd):.*|a=setup:actpass)\r\n/g, '')
      .replace(
        'm=audio',
        'a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:passive\r\nm=audio',
      );
    expect(read(sdp)).toMatchObject({
      ice: { usernameFragment: 'abcd', password: '0123456789abcdefghijkl' },
      dtls: { role: 'server', fingerprints: [{ algorithm: 'sha-256' }] },
    });
  });

  test('credentials of digits stay text', () => {
    expect(read(FULL.replace(/a=ice-ufrag:.*/g, 'a=ice-ufrag:12345678')).ice.usernameFragment).toBe(
      '12345678',
    );
  });

  test('candidates stand once, IPv6 and names plainly, TCP as passive', () => {
    const lines = answered(FULL)
      .split('\r\n')
      .filter((line) => /candidate/.test(line));
    expect(lines).toEqual([
      'a=candidate:udpcandidate 1 udp 1076302079 203.0.113.7 44444 typ host',
      'a=candidate:tcpcandidate 1 tcp 1076276479 203.0.113.7 44444 typ host tcptype passive',
      'a=candidate:udpcandidate 1 udp 1076558079 2001:db8::7 44444 typ host',
      'a=candidate:udpcandidate 1 udp 1076000000 media.example.org 44444 typ host',
      'a=end-of-candidates',
    ]);
  });

  /** Chromium cannot do with the first m-line of its bundle rejected. */
  test.each([
    ['a codec that is not carried', (sdp: string) => sdp.replace('opus/48000/2', 'PCMX/8000')],
    ['recvonly', (sdp: string) => sdp.replace('a=sendonly', 'a=recvonly')],
  ])('the first m-line, with %s, is held as inactive and describes the path', (_, change) => {
    const sdp = change(offer('obs-30'));
    expect(summary(read(sdp))).toEqual(['video H264/96 by ssrc']);
    expect(answered(sdp)).toContain('\r\na=group:BUNDLE 0 1\r\n');
    expect(mediaOf(sdp).map(({ direction, candidates = [] }) => [direction, candidates.length])).toEqual([
      ['inactive', 4],
      ['recvonly', 0],
    ]);
    expect(brokenRules(sdp, answered(sdp))).toEqual([]);
  });

  test('where the first m-line has to be rejected, the next describes the path', () => {
    const sdp = offer('obs-30').replace('a=rtcp-mux\r\n', '');
    expect(answered(sdp)).toContain('\r\na=group:BUNDLE 1\r\n');
    expect(mediaOf(sdp).map(({ port, candidates = [] }) => [port, candidates.length])).toEqual([
      [0, 0],
      [9, 4],
    ]);
    expect(brokenRules(sdp, answered(sdp))).toEqual([]);
  });
});

describe('m-lines that are not carried', () => {
  test.each([
    ['a data channel', 'chromium-publish-data', (sdp: string) => sdp, 2, /not audio or video/],
    ['a further track', 'chromium-publish', (sdp: string) => again(sdp, '7'), 2, /a further audio track/],
    ['port 0', 'obs-30', (sdp: string) => sdp.replace('m=audio 58126', 'm=audio 0'), 0, /port is 0/],
    [
      'recvonly',
      'obs-30',
      (sdp: string) => videoFirst(sdp).replace('a=sendonly', 'a=recvonly'),
      0,
      /is recvonly, and has to be sendonly or sendrecv/,
    ],
    [
      'recvonly in the session',
      'obs-30',
      (sdp: string) =>
        videoFirst(sdp).replace('a=sendonly\r\n', '').replace('a=msid-semantic', 'a=recvonly\r\n$&'),
      0,
      /m-line 1 \(audio\) is recvonly/,
    ],
    [
      'outside the group',
      'obs-30',
      (sdp: string) => sdp.replace('BUNDLE 0 1', 'BUNDLE 1'),
      0,
      /not in the BUNDLE group/,
    ],
    [
      'no group',
      'obs-30',
      (sdp: string) => sdp.replace('a=group:BUNDLE 0 1\r\n', ''),
      1,
      /without a=group:BUNDLE/,
    ],
    ['unmuxed', 'obs-30', (sdp: string) => sdp.replace('a=rtcp-mux\r\n', ''), 0, /without a=rtcp-mux/],
    [
      'without RTP',
      'obs-30',
      (sdp: string) => sdp.replace('m=audio 58126 UDP/TLS/RTP/SAVPF 111', 'm=audio 9 TCP/MSRP *'),
      0,
      /not audio or video over RTP/,
    ],
    [
      'mono Opus',
      'obs-30',
      (sdp: string) => videoFirst(sdp).replace('opus/48000/2', 'opus/48000'),
      0,
      /audio as opus\/48000\/1; this server carries opus\/48000\/2/,
    ],
  ])('%s', (_, name, change, index, reason) => {
    const sdp = change(offer(name));
    expect(mediaOf(sdp)[index]).toMatchObject({ port: 0, direction: 'inactive' });
    expect(brokenRules(sdp, answered(sdp))).toEqual([]);
    expect(read(sdp).refused.join()).toMatch(reason);
  });

  function videoFirst(sdp: string): string {
    return sdp.replace('BUNDLE 0 1', 'BUNDLE 1 0');
  }

  /** The audio m-line once more, by another mid. */
  function again(sdp: string, mid: string): string {
    const audio = sdp.slice(sdp.indexOf('m=audio'), sdp.indexOf('m=video'));
    return sdp.replace('BUNDLE 0 1', `BUNDLE 0 1 ${mid}`) + audio.replace('a=mid:0', `a=mid:${mid}`);
  }

  test('no m-line at all that is carried: the offer is refused, and told why', () => {
    expect(() => read(offer('chromium-publish-av1'))).toThrow(
      expect.objectContaining({
        code: 'unsupported_codec',
        message:
          'the offer carries video as AV1 and VP9; this server carries VP8 and ' +
          'H.264 (profiles Constrained Baseline, Main and High): choose one of them in the encoder',
      }),
    );
  });

  test.each([
    [
      'libdatachannel-publish-h265',
      (sdp: string) => sdp,
      /video as H265 and AV1; this server carries VP8 and H\.264/,
    ],
    ['libdatachannel-data', (sdp: string) => sdp, /m-line 1 \(application\) is not audio or video over RTP/],
    [
      'gstreamer-webrtcbin-watch',
      (sdp: string) => sdp,
      /m-line 1 \(audio\) is recvonly.*; m-line 2 \(video\) is recvonly/,
    ],
    [
      'gstreamer-webrtcbin-no-bundle',
      (sdp: string) => sdp.replace('a=rtcp-mux\r\n', '').replace('a=rtcp-mux-only\r\n', ''),
      /m-line 1 \(video\) is without a=rtcp-mux/,
    ],
    [
      'gstreamer-webrtcbin-no-bundle',
      (sdp: string) => sdp.replace(/a=ssrc:.*\r\n/g, ''),
      /m-line 1 \(video\) has to say how its packets are known/,
    ],
  ])('%s: %#', (name, change, message) => {
    expect(() => read(change(offer(name)))).toThrow(
      expect.objectContaining({ code: 'unsupported_codec', message: expect.stringMatching(message) }),
    );
  });
});
