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
/** One audio m-line that is enough by itself. */
const AUDIO = offer('obs-30').slice(0, offer('obs-30').indexOf('m=video'));

const answered = (sdp: string, ...options: [{ maxVideoBitrate?: number }?]) =>
  publishAnswer(read(sdp), TRANSPORT, ...options);
const mediaOf = (sdp: string, ...options: [{ maxVideoBitrate?: number }?]) =>
  sdpTransform.parse(answered(sdp, ...options)).media;

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

  test('where the first m-line is refused, the next describes the path', () => {
    const sdp = offer('obs-30').replace('opus/48000/2', 'PCMA/8000');
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
      (sdp: string) => sdp.replace('a=sendonly', 'a=recvonly'),
      0,
      /is recvonly, and has to be sendonly or sendrecv/,
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
      (sdp: string) => sdp.replace('opus/48000/2', 'opus/48000'),
      0,
      /audio as opus\/48000\/1; this server carries opus\/48000\/2/,
    ],
  ])('%s', (_, name, change, index, reason) => {
    const sdp = change(offer(name));
    expect(mediaOf(sdp)[index]).toMatchObject({ port: 0, direction: 'inactive' });
    expect(brokenRules(sdp, answered(sdp))).toEqual([]);
    expect(read(sdp).refused.join()).toMatch(reason);
  });

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

describe('codecs', () => {
  test.each([
    ['42e01f', '1', '42e01f'],
    ['42001f', '1', '42e01f'],
    ['420028', '1', '42e028'],
    ['42c015', undefined, '42e015'],
    ['4220028', '1', '42e028'],
    ['4d401f', '0', '4d001f'],
    ['4de01f', '1', '42e01f'],
    ['58a01f', '1', '42e01f'],
    ['640032', '1', '640032'],
    ['640c28', '1', '640028'],
    ['64003e', '1', '640034'],
    [undefined, undefined, '42e00a'],
  ])('H.264 %s in packetization mode %s is produced as %s in mode 1', async (profile, mode, produced) => {
    const sdp = h264(profile, mode);
    const [track] = read(sdp).tracks;
    expect(track?.rtpParameters.codecs[0]?.parameters).toMatchObject({
      'profile-level-id': produced,
      'packetization-mode': 1,
    });
    expect(brokenRules(sdp, answered(sdp))).toEqual([]);
    const transport = await server.transport();
    if (!track) throw new Error('no track');
    const producer = await transport.produce(track);
    expect(producer.rtpParameters.codecs[0]?.parameters?.['profile-level-id']).toBe(produced);
    transport.close();
  });

  test.each([
    ['f4001f', '1', /H\.264 High 4:4:4 Predictive \(profile-level-id f4001f\)/],
    ['7a001f', '1', /H\.264 High 4:2:2/],
    ['6e001f', '1', /H\.264 High 10/],
    ['58001f', '1', /H\.264 Extended/],
    ['zz', '1', /H\.264 of an unknown profile \(profile-level-id zz\)/],
    ['42e01f', '2', /in packetization-mode 2/],
  ])('H.264 %s in packetization mode %s is not carried', (profile, mode, message) => {
    expect(() => read(h264(profile, mode))).toThrow(
      expect.objectContaining({ code: 'unsupported_codec', message: expect.stringMatching(message) }),
    );
  });

  function h264(profile: string | undefined, mode: string | undefined): string {
    const parameters = [
      profile && `profile-level-id=${profile}`,
      mode && `packetization-mode=${mode}`,
    ].filter(Boolean);
    const fmtp = parameters.length > 0 ? `a=fmtp:96 ${parameters.join(';')}\r\n` : '';
    const sdp = offer('obs-30');
    return (sdp.slice(0, sdp.indexOf('m=audio')) + sdp.slice(sdp.indexOf('m=video'))).replace(
      /a=fmtp:96.*\r\n/,
      fmtp,
    );
  }

  test('of several the one that the offerer prefers', () => {
    const sdp = offer('firefox-publish');
    expect(summary(read(sdp.replace('SAVPF 120 124', 'SAVPF 123 121 126 127 120 124')))[1]).toMatch(
      /^video H264\/126 rtx\/127/,
    );
  });

  test.each([
    ['minptime=10;useinbandfec=1', 'minptime=10;useinbandfec=1'],
    ['stereo=1', 'minptime=10;useinbandfec=1;stereo=1'],
    ['sprop-stereo=1;usedtx=1', 'minptime=10;useinbandfec=1;stereo=1;usedtx=1'],
  ])('Opus with %s is answered with %s', (config, fmtp) => {
    const sdp = AUDIO.replace(/a=fmtp:111 .*/, `a=fmtp:111 ${config}`);
    expect(mediaOf(sdp)[0]?.fmtp).toEqual([{ payload: 111, config: fmtp }]);
  });

  test('stereo is told to those who consume', () => {
    expect(read(AUDIO).tracks[0]?.rtpParameters.codecs[0]?.parameters).toMatchObject({
      stereo: 1,
      'sprop-stereo': 1,
    });
  });

  test('RTX without a FID group would be dropped by mediasoup, so it is not answered', () => {
    const sdp = FULL.replace(/a=ssrc-group:FID.*\r\n/, '');
    expect(summary(read(sdp))[1]).toBe('video VP8/96 by ssrc');
  });

  test('feedback for any payload type counts for each', () => {
    const sdp = offer('libdatachannel-publish').replaceAll('a=rtcp-fb:96', 'a=rtcp-fb:*');
    expect(mediaOf(sdp)[1]?.rtcpFb?.map(({ type, subtype }) => [type, subtype])).toEqual([
      ['nack', undefined],
      ['nack', 'pli'],
    ]);
  });

  test('one way of bandwidth estimation is agreed on', () => {
    const ways = (sdp: string) =>
      mediaOf(sdp)[1]
        ?.rtcpFb?.map(({ type }) => type)
        .filter((type) => /remb|transport/.test(type));
    expect(ways(FULL)).toEqual(['transport-cc']);
    expect(ways(FULL.replace(/a=extmap:\d+ .*transport-wide-cc.*\r\n/g, ''))).toEqual(['goog-remb']);
    expect(ways(FULL.replace(/a=extmap:\d+ .*(transport-wide-cc|abs-send-time).*\r\n/g, ''))).toEqual([]);
  });

  test('the bit rate of video may be limited', () => {
    const [audio, video] = mediaOf(FULL, { maxVideoBitrate: 2_500_500 });
    expect(audio?.bandwidth).toBeUndefined();
    expect(video?.bandwidth).toEqual([
      { type: 'AS', limit: 2501 },
      { type: 'TIAS', limit: 2_500_500 },
    ]);
  });
});

describe('header extensions', () => {
  const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';
  const ids = (sdp: string) =>
    read(sdp)
      .tracks[0]?.rtpParameters.headerExtensions?.filter(({ uri }) => uri === MID)
      .map(({ id }) => id);

  test.each([
    ['1', [1]],
    ['14', [14]],
    ['0', []],
    ['15', []],
    ['16', []],
    ['4096', []],
  ])('id %s', (id, expected) => {
    expect(ids(AUDIO.replace('a=rtcp-mux', `a=extmap:${id} ${MID}\r\n$&`))).toEqual(expected);
  });

  test('ids beyond 14 where the offer allows to mix', () => {
    const sdp = AUDIO.replace('a=rtcp-mux', `a=extmap:16 ${MID}\r\na=extmap-allow-mixed\r\n$&`);
    expect(ids(sdp)).toEqual([16]);
    expect(answered(sdp)).toContain('a=extmap-allow-mixed\r\n');
  });

  test('what the offerer will not send is not answered, what it only sends is answered the other way', () => {
    const lines = (direction: string) =>
      answered(AUDIO.replace('a=rtcp-mux', `a=extmap:3/${direction} ${MID}\r\n$&`)).match(/a=extmap.*/g);
    expect(lines('recvonly')).toBeNull();
    expect(lines('sendonly')).toEqual([`a=extmap:3/recvonly ${MID}`]);
  });

  test('without a=ssrc packets are known by MID', async () => {
    const sdp = AUDIO.replace(/a=ssrc:.*\r\n/g, '').replace('a=rtcp-mux', `a=extmap:3 ${MID}\r\n$&`);
    const { tracks } = read(sdp);
    expect(tracks[0]?.rtpParameters).toMatchObject({ mid: '0', encodings: [{}] });
    const transport = await server.transport();
    for (const track of tracks) await transport.produce(track);
    transport.close();
  });
});
