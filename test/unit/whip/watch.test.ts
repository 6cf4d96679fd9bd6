import sdpTransform from 'sdp-transform';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Media, type MediaKind, request } from '../../../server/protocol/messages.ts';
import { readWatchOffer, type WatchOffer, watchAnswer } from '../../../server/whip/sdp-watch.ts';
import { createTestRouter, offer, type TestRouter, TRANSPORT } from '../../helpers/offers.ts';
import { brokenRules } from '../../helpers/sdp-rules.ts';

const h264 = (profile: string) => ({
  kind: 'video' as const,
  codec: {
    mimeType: 'video/H264',
    payloadType: 125,
    clockRate: 90_000,
    parameters: { 'profile-level-id': profile, 'packetization-mode': 1, 'level-asymmetry-allowed': 1 },
  },
});
/** What a publisher may send. */
const SOURCES = {
  opus: {
    kind: 'audio',
    codec: {
      mimeType: 'audio/opus',
      payloadType: 109,
      clockRate: 48_000,
      channels: 2,
      parameters: { stereo: 1 },
    },
  },
  VP8: { kind: 'video', codec: { mimeType: 'video/VP8', payloadType: 96, clockRate: 90_000 } },
  baseline: h264('42e028'),
  main: h264('4d0028'),
  high: h264('640028'),
} as const;
type Source = keyof typeof SOURCES;

let server: TestRouter;
const producers = new Map<Source, { id: string; kind: MediaKind }>();
beforeAll(async () => {
  server = await createTestRouter();
  const transport = await server.transport();
  for (const [name, { kind, codec }] of Object.entries(SOURCES)) {
    const encodings = [{ ssrc: producers.size + 1 }];
    const rtcp = { cname: 'publisher' };
    const producer = await transport.produce({ kind, rtpParameters: { codecs: [codec], encodings, rtcp } });
    producers.set(name as Source, producer);
  }
});
afterAll(() => server.close());

const read = (sdp: string) => readWatchOffer(sdp, server.capabilities);

/** What a viewer of a stream of these would be sent, as mediasoup has it. */
async function watched(
  { rtpCapabilities, mids, dtls }: WatchOffer,
  sources: readonly Source[],
): Promise<Media> {
  const transport = await server.transport();
  await transport.connect({ dtlsParameters: dtls });
  const media: Media = { transport: TRANSPORT, consumers: [], unplayable: [] };
  for (const source of sources) {
    const producer = producers.get(source);
    if (!producer || !server.router.canConsume({ producerId: producer.id, rtpCapabilities })) continue;
    const consumer = await transport.consume({
      producerId: producer.id,
      rtpCapabilities,
      mid: mids[producer.kind],
    });
    const { id, producerId, kind, rtpParameters } = consumer;
    media.consumers.push({
      id,
      producerId,
      kind,
      rtpParameters: rtpParameters as Media['consumers'][0]['rtpParameters'],
    });
  }
  transport.close();
  return media;
}

const NOTHING = 'inactive';
type Carried = Record<Source, string>;

/** By which payload types each viewer is sent each source. */
const CORPUS: [name: string, carried: Carried][] = [
  [
    'chromium-watch',
    // No High, but High 4:4:4 Predictive, which includes it.
    { opus: '111', VP8: '96 97', baseline: '102 103', main: '116 117', high: '41 42' },
  ],
  [
    'chromium-watch-video-first',
    { opus: '111', VP8: '96 97', baseline: '102 103', main: '116 117', high: '41 42' },
  ],
  [
    'chromium-watch-two-videos',
    { opus: '111', VP8: '96 97', baseline: '102 103', main: '116 117', high: '41 42' },
  ],
  ['firefox-watch', { opus: '109', VP8: '120 124', baseline: '126 127', main: NOTHING, high: NOTHING }],
  ['safari-watch', { opus: '111', VP8: '125 104', baseline: '98 99', main: '96 97', high: '96 97' }],
  ['libdatachannel-watch', { opus: '111', VP8: '96', baseline: '102', main: NOTHING, high: NOTHING }],
  ['gstreamer-webrtcbin-watch', { opus: '97', VP8: NOTHING, baseline: '101', main: NOTHING, high: NOTHING }],
  // What it cannot encode it does not offer to receive either.
  ['chromium-sendrecv', { opus: '111', VP8: '96 97', baseline: '102 103', main: '116 117', high: NOTHING }],
];

describe.each(CORPUS)('%s', (name, carried) => {
  test.each(Object.entries(carried) as [Source, string][])(
    'is sent %s as %s',
    async (source, payloadTypes) => {
      const sdp = offer(name);
      const viewer = read(sdp);
      const media = await watched(viewer, [source]);
      const answer = watchAnswer(viewer, media);
      expect(brokenRules(sdp, answer)).toEqual([]);

      const { kind } = SOURCES[source];
      const section = sdpTransform.parse(answer).media.find((each) => each.type === kind);
      expect(section?.direction === 'sendonly' ? section.payloads : section?.direction).toEqual(
        payloadTypes.includes(' ') || payloadTypes === NOTHING ? payloadTypes : Number(payloadTypes),
      );
      const [encoding] = media.consumers[0]?.rtpParameters.encodings ?? [];
      const sent = [encoding?.ssrc, encoding?.rtx?.ssrc].filter((ssrc) => ssrc !== undefined);
      expect((section?.ssrcs ?? []).map(({ id, attribute, value }) => `${id} ${attribute} ${value}`)).toEqual(
        sent.flatMap((ssrc) => [`${ssrc} cname publisher`, `${ssrc} msid pharos pharos-${kind}`]),
      );
      expect(section?.ssrcGroups).toEqual(
        sent.length === 2 ? [{ semantics: 'FID', ssrcs: sent.join(' ') }] : undefined,
      );
      // What mediasoup sends, by the wire's numbers, is what the answer says.
      const { codecs = [], headerExtensions = [] } = media.consumers[0]?.rtpParameters ?? {};
      const numbers = codecs.map(({ payloadType }) => viewer.wire.payloadTypes[payloadType]);
      if (sent.length > 0) expect(numbers.join(' ')).toBe(payloadTypes);
      for (const { uri, id } of headerExtensions) {
        expect(server.capabilities.headerExtensions).toContainEqual(
          expect.objectContaining({ uri, preferredId: id }),
        );
      }
      for (const { uri, value } of section?.ext ?? []) expect(viewer.wire.extensionIds[uri]).toBe(value);
    },
  );

  test('has capabilities that the protocol takes', () => {
    const { rtpCapabilities } = read(offer(name));
    const parsed = request.parse({ id: 1, type: 'watch', stream: 'x', rtpCapabilities });
    expect(parsed).toMatchObject({ rtpCapabilities });
  });
});

const CHROMIUM = offer('chromium-watch');
const MID = 'urn:ietf:params:rtp-hdrext:sdes:mid';

async function answered(sdp: string, sources: readonly Source[]) {
  const viewer = read(sdp);
  const answer = watchAnswer(viewer, await watched(viewer, sources));
  expect(brokenRules(sdp, answer)).toEqual([]);
  return sdpTransform.parse(answer).media;
}

describe('a whole stream', () => {
  test('both tracks are of one stream, and the publisher’s stereo is told', async () => {
    const [audio, video] = await answered(CHROMIUM, ['opus', 'VP8']);
    expect(audio).toMatchObject({ direction: 'sendonly', msid: [{ id: 'pharos', appdata: 'pharos-audio' }] });
    expect(video).toMatchObject({ direction: 'sendonly', msid: [{ id: 'pharos', appdata: 'pharos-video' }] });
    expect(audio?.fmtp[0]?.config).toBe('minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1');
    expect(video?.rtcpFb?.map(({ type, subtype }) => `${type} ${subtype ?? ''}`.trim())).toEqual([
      'nack',
      'nack pli',
      'ccm fir',
      'transport-cc',
    ]);
    expect(video?.ext?.map(({ uri }) => uri)).toContain(MID);
  });

  test('without a track, that m-line is there and inactive', async () => {
    const [audio, video] = await answered(CHROMIUM, ['VP8']);
    expect([audio?.direction, audio?.port, video?.direction]).toEqual(['inactive', 9, 'sendonly']);
  });

  test('a further m-line of a kind is refused', async () => {
    const sections = await answered(offer('chromium-watch-two-videos'), ['opus', 'VP8']);
    expect(sections.map(({ port, direction }) => [port, direction])).toEqual([
      [9, 'sendonly'],
      [9, 'sendonly'],
      [0, 'inactive'],
    ]);
  });

  test('the cname of a publisher that could not stand in SDP is replaced', async () => {
    const viewer = read(CHROMIUM);
    const media = await watched(viewer, ['opus']);
    for (const { rtpParameters } of media.consumers) rtpParameters.rtcp = { cname: 'x\r\na=injected' };
    const answer = watchAnswer(viewer, media);
    expect(answer).not.toContain('injected');
    expect(answer).toContain(' cname:pharos\r\n');
  });
});

describe('what is refused', () => {
  test.each([
    [
      'chromium-publish',
      'unsupported_codec',
      /m-line 1 \(audio\) is sendonly, and has to be recvonly or sendrecv/,
    ],
    ['libdatachannel-data', 'unsupported_codec', /not audio or video over RTP/],
  ])('%s', (name, code, message) => {
    expect(() => read(offer(name))).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  test('codecs that are not carried', () => {
    const sdp = offer('libdatachannel-watch')
      .replace('VP8/90000', 'AV1/90000')
      .replace('H264/90000', 'H265/90000');
    expect(read(sdp).refused).toEqual([
      'the offer carries video as AV1 and H265; this server carries VP8 and ' +
        'H.264 (profiles Constrained Baseline, Main and High): choose one of them in the player',
    ]);
  });
});

describe('H.264', () => {
  /** A viewer with one payload type from 100 up for each format. */
  const viewer = (formats: string[]) => {
    const payloadTypes = formats.map((_, index) => 100 + index);
    const lines = formats.flatMap((format, index) => [
      `a=rtpmap:${100 + index} H264/90000`,
      ...(format ? [`a=fmtp:${100 + index} ${format}`] : []),
    ]);
    const sdp = offer('gstreamer-webrtcbin-watch').replaceAll('\r\n', '\n');
    return sdp
      .replace(/^m=video.*$/m, `m=video 0 UDP/TLS/RTP/SAVPF ${payloadTypes.join(' ')}`)
      .replace(/^a=(fmtp|rtcp-fb):101.*\n/gm, '')
      .replace(/^a=rtpmap:101.*$/m, lines.join('\n'));
  };
  const mode1 = (profile: string) => `profile-level-id=${profile};packetization-mode=1`;

  test.each<[string, string[], Partial<Carried>]>([
    [
      'each its own',
      ['42e01f', '4d001f', '64001f'].map(mode1),
      { baseline: '100', main: '101', high: '102' },
    ],
    ['all by High', ['640c1f'].map(mode1), { baseline: '100', main: '100', high: '100' }],
    ['the closest', ['f4001f', '64001f', '4d001f'].map(mode1), { baseline: '102', main: '102', high: '101' }],
    ['not more than Baseline', ['42001f'].map(mode1), { baseline: '100', main: NOTHING, high: NOTHING }],
    [
      'not in mode 0',
      ['profile-level-id=42e01f', mode1('4d001f')],
      { baseline: '101', main: '101', high: NOTHING },
    ],
    ['not Extended', ['58001f', '42e01f'].map(mode1), { baseline: '101', main: NOTHING }],
  ])('%s', async (_, formats, carried) => {
    for (const [source, payloadType] of Object.entries(carried) as [Source, string][]) {
      const video = (await answered(viewer(formats), [source])).find(({ type }) => type === 'video');
      expect(video?.direction === 'sendonly' ? String(video.payloads) : video?.direction).toBe(payloadType);
    }
  });
});

describe('RTX', () => {
  test('that only some codecs have is not used: mediasoup would send it for all', async () => {
    const sdp = CHROMIUM.replace('a=fmtp:97 apt=96\r\n', '');
    const [, video] = await answered(sdp, ['opus', 'main']);
    expect(video?.payloads).toBe(116);
    expect(read(sdp).rtpCapabilities.codecs.map(({ mimeType }) => mimeType)).not.toContain('video/rtx');
  });
});

describe('header extensions', () => {
  const names = (sdp: string) => Object.keys(read(sdp).wire.extensionIds);

  test('mids longer than mediasoup writes are not sent', async () => {
    const sdp = CHROMIUM.replace('BUNDLE 0 1', 'BUNDLE 0 video-long').replace('a=mid:1', 'a=mid:video-long');
    expect(names(CHROMIUM)).toContain(MID);
    expect(names(sdp)).not.toContain(MID);
    const [, video] = await answered(sdp, ['opus', 'VP8']);
    expect(video?.ext?.map(({ uri }) => uri)).not.toContain(MID);
  });

  test.each([
    ['15', false],
    ['16', false],
    ['14', true],
  ])('id %s', (id, taken) => {
    const sdp = CHROMIUM.replaceAll(/a=extmap:(14|4) /g, (_, old) => `a=extmap:${old === '4' ? id : '4'} `);
    expect(names(sdp).includes(MID)).toBe(taken);
  });

  test('one whose id means another thing in another m-line is not sent', () => {
    const level = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';
    // 13 is the orientation of the video there.
    const sdp = CHROMIUM.replace(`a=extmap:1 ${level}`, `a=extmap:13 ${level}`);
    expect(names(CHROMIUM)).toContain(level);
    expect(names(sdp)).not.toContain(level);
    expect(names(CHROMIUM.replace(`a=extmap:1 ${level}`, `a=extmap:12 ${level}`))).toContain(level);
  });

  test('one that the viewer only sends is not sent to it', () => {
    expect(
      names(
        CHROMIUM.replaceAll(
          /a=extmap:(\d+) urn:ietf:params:rtp-hdrext:sdes:mid/g,
          `a=extmap:$1/sendonly ${MID}`,
        ),
      ),
    ).not.toContain(MID);
  });
});
