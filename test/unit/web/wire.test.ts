import type { types } from 'mediasoup-client';
import { expect, test } from 'vitest';
import { request } from '../../../server/protocol/messages.ts';
import { localTransport, wireCapabilities, wireRtpParameters } from '../../../web/lib/wire.ts';

test('capabilities as the protocol has them, without what the server ignores', () => {
  const wire = wireCapabilities({
    codecs: [
      {
        kind: 'video',
        mimeType: 'video/VP8',
        preferredPayloadType: 96,
        clockRate: 90000,
        parameters: { 'x-google-start-bitrate': 1000, strange: { nested: true } },
        rtcpFeedback: [
          { type: 'nack', parameter: '' },
          { type: 'nack', parameter: 'pli' },
        ],
      },
    ],
    headerExtensions: [
      {
        kind: 'video',
        uri: 'urn:3gpp:video-orientation',
        preferredId: 4,
        preferredEncrypt: false,
        direction: 'sendrecv',
      },
    ],
  });
  expect(request.safeParse({ id: 1, type: 'watch', stream: 'a', rtpCapabilities: wire }).success).toBe(true);
  expect(wire.codecs[0]?.parameters).toEqual({ 'x-google-start-bitrate': 1000 });
  expect(wire.codecs[0]?.rtcpFeedback).toEqual([{ type: 'nack' }, { type: 'nack', parameter: 'pli' }]);
  expect(wire.headerExtensions).toEqual([
    { kind: 'video', uri: 'urn:3gpp:video-orientation', preferredId: 4 },
  ]);
});

test('RTP parameters of a producer as the protocol has them', () => {
  const parameters: types.RtpParameters = {
    mid: '0',
    msid: 'stream track',
    codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48000, channels: 2 }],
    headerExtensions: [{ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 4, encrypt: false, parameters: {} }],
    encodings: [{ ssrc: 1234, rtx: { ssrc: 1235 }, dtx: false, active: true, networkPriority: 'low' }],
    rtcp: { cname: 'name', reducedSize: true },
  };
  const message = { id: 1, type: 'produce', kind: 'audio', rtpParameters: wireRtpParameters(parameters) };
  // Over the wire: what is undefined is not there.
  const parsed = request.parse(JSON.parse(JSON.stringify(message)));
  expect(parsed).toMatchObject({
    rtpParameters: { mid: '0', encodings: [{ ssrc: 1234, rtx: { ssrc: 1235 } }], rtcp: { cname: 'name' } },
  });
});

test('candidates get the ip that mediasoup-client wants', () => {
  const transport = localTransport({
    id: 't',
    iceParameters: { usernameFragment: 'u', password: 'p', iceLite: true },
    iceCandidates: [
      { foundation: 'f', priority: 1, address: '192.0.2.1', protocol: 'udp', port: 40000, type: 'host' },
    ],
    dtlsParameters: { role: 'auto', fingerprints: [{ algorithm: 'sha-256', value: 'AA' }] },
  });
  expect(transport.iceCandidates[0]).toMatchObject({ ip: '192.0.2.1', address: '192.0.2.1' });
});
