import sdpTransform from 'sdp-transform';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { mostOfSizes } from '../../../server/streams/bitrates.ts';
import { publishAnswer, readPublishOffer } from '../../../server/whip/sdp-publish.ts';
import { createTestRouter, offer, type TestRouter, TRANSPORT } from '../../helpers/offers.ts';
import { brokenRules } from '../../helpers/sdp-rules.ts';

let server: TestRouter;
beforeAll(async () => {
  server = await createTestRouter();
});
afterAll(() => server.close());

const read = (sdp: string) => readPublishOffer(sdp, server.capabilities);
const answered = (sdp: string, ...options: [{ maxVideoBitrate?: (sizes: number) => number }?]) =>
  publishAnswer(read(sdp), TRANSPORT, ...options);
const mediaOf = (sdp: string, ...options: [{ maxVideoBitrate?: (sizes: number) => number }?]) =>
  sdpTransform.parse(answered(sdp, ...options)).media;
/** `VP8/96 rtx/97` */
const videoOf = (sdp: string) =>
  read(sdp)
    .tracks.find(({ kind }) => kind === 'video')
    ?.rtpParameters.codecs.map(({ mimeType, payloadType }) => `${mimeType.split('/')[1]}/${payloadType}`)
    .join(' ');

const FULL = offer('chromium-publish');
/** One audio m-line that is enough by itself. */
const AUDIO = offer('obs-30').slice(0, offer('obs-30').indexOf('m=video'));

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
    expect(videoOf(sdp.replace('SAVPF 120 124', 'SAVPF 123 121 126 127 120 124'))).toBe('H264/126 rtx/127');
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
    expect(videoOf(sdp)).toBe('VP8/96');
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
    const [audio, video] = mediaOf(FULL, { maxVideoBitrate: () => 2_500_500 });
    expect(audio?.bandwidth).toBeUndefined();
    expect(video?.bandwidth).toEqual([
      { type: 'AS', limit: 2501 },
      { type: 'TIAS', limit: 2_500_500 },
    ]);
  });

  test('of a picture in several sizes all of them count', () => {
    const ofSizes = (sizes: number) => mostOfSizes(configSchema.parse({}).media, sizes);
    const limitOf = (name: string) =>
      mediaOf(offer(name), { maxVideoBitrate: ofSizes })[1]?.bandwidth?.find(({ type }) => type === 'TIAS')
        ?.limit;
    const one = limitOf('chromium-publish') ?? 0;
    expect(one).toBe(configSchema.parse({}).media.videoMaxBitrate);
    expect(limitOf('chromium-simulcast')).toBe(Math.round(1.35 * one));
    expect(mostOfSizes(configSchema.parse({}).media, 3, { bitrate: 500_000 })).toBe(500_000);
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

describe('G.711', () => {
  /** An offer of these, in this order. */
  const sound = (...codecs: ('opus' | 'PCMU' | 'PCMA')[]) => {
    const format = { opus: '111', PCMU: '0', PCMA: '8' };
    const maps = { opus: 'opus/48000/2', PCMU: 'PCMU/8000', PCMA: 'PCMA/8000' };
    const numbers = codecs.map((codec) => format[codec]);
    return AUDIO.replace(/^m=audio (\d+) (\S+) .*$/m, `m=audio $1 $2 ${numbers.join(' ')}`).replace(
      /^a=rtpmap:111 .*\r?\n(?:a=(?:fmtp|rtcp-fb):111 .*\r?\n)*/m,
      codecs.map((codec) => `a=rtpmap:${format[codec]} ${maps[codec]}\r\n`).join(''),
    );
  };
  const chosen = (sdp: string) =>
    read(sdp).tracks.map(({ rtpParameters: { codecs } }) => codecs[0]?.mimeType);

  test.each(['PCMU', 'PCMA'] as const)(
    '%s is carried where there is nothing else, and answered as it is',
    async (codec) => {
      const sdp = sound(codec);
      expect(chosen(sdp)).toEqual([`audio/${codec}`]);
      expect(brokenRules(sdp, answered(sdp))).toEqual([]);
      expect(mediaOf(sdp)[0]?.fmtp).toEqual([]);
      const [track] = read(sdp).tracks;
      if (!track) throw new Error('no track');
      const transport = await server.transport();
      expect((await transport.produce(track)).type).toBe('simple');
      transport.close();
    },
  );

  test('Opus is preferred, whatever stands first', () => {
    expect(chosen(sound('PCMU', 'opus', 'PCMA'))).toEqual(['audio/opus']);
    expect(chosen(sound('PCMA', 'PCMU'))).toEqual(['audio/PCMA']);
  });
});

describe('VP9 and AV1, where the configuration has them', () => {
  let both: TestRouter;
  beforeAll(async () => {
    both = await createTestRouter(['VP9', 'AV1']);
  });
  afterAll(() => both.close());
  const published = (sdp: string) =>
    readPublishOffer(sdp, both.capabilities).tracks.find(({ kind }) => kind === 'video')?.rtpParameters;
  const profile = (id: number) => FULL.replace('a=fmtp:98 profile-id=0', `a=fmtp:98 profile-id=${id}`);
  const named = (sdp: string) =>
    published(sdp)?.codecs.map((codec) => `${codec.mimeType}/${codec.payloadType}`);

  test('the client’s first of them, with its retransmissions, and produced by mediasoup', async () => {
    expect(named(FULL)).toEqual(['video/AV1/45', 'video/rtx/46']);
    expect(named(offer('chromium-publish-av1'))).toEqual(['video/AV1/45']);
    const rtpParameters = published(FULL);
    if (!rtpParameters) throw new Error('no video');
    const transport = await both.transport();
    expect((await transport.produce({ kind: 'video', rtpParameters })).type).toBe('simple');
    transport.close();
    const answer = publishAnswer(readPublishOffer(FULL, both.capabilities), TRANSPORT);
    expect(brokenRules(FULL, answer)).toEqual([]);
  });

  test('of profile 0 alone, which is meant where none is named', () => {
    const vp9 = (sdp: string) => named(sdp.replaceAll('AV1/90000', 'AVX/90000'));
    expect(vp9(FULL)).toEqual(['video/VP9/98', 'video/rtx/99']);
    expect(vp9(FULL.replace('a=fmtp:98 profile-id=0\r\n', ''))).toEqual(['video/VP9/98', 'video/rtx/99']);
    const other = profile(2).replaceAll('AV1/90000', 'AVX/90000');
    expect(published(other)).toBeUndefined();
    expect(readPublishOffer(other, both.capabilities).refused).toEqual([
      expect.stringMatching(/this server carries VP9 and AV1: choose one of them in the encoder/),
    ]);
  });

  test('of several streams of one picture one is taken, as mediasoup chooses among those of VP8 and H.264 alone', async () => {
    const simulcast = offer('chromium-simulcast');
    expect(published(simulcast)?.encodings).toHaveLength(1);
    expect(publishAnswer(readPublishOffer(simulcast, both.capabilities), TRANSPORT)).not.toMatch(
      /simulcast|rid:/,
    );
    const all = await createTestRouter(['AV1', 'VP9', 'VP8', 'H264']);
    const taken = readPublishOffer(simulcast, all.capabilities).tracks.find(({ kind }) => kind === 'video');
    expect(taken?.rtpParameters.codecs[0]?.mimeType).toBe('video/VP8');
    expect(taken?.rtpParameters.encodings).toHaveLength(3);
    all.close();
  });
});
