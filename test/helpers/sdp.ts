/** Small offers, as an encoder and a player would make them; media is not the point where these are used. */

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

type OfferOptions = { ufrag?: string; video?: 'VP8' | 'H264' | 'AV1'; profile?: string; audio?: boolean };

/** A WHIP offer: Opus and one video codec. */
export function publishOffer(options: OfferOptions = {}): string {
  return offer('sendonly', options);
}

/** A WHEP offer. */
export function watchOffer(options: OfferOptions = {}): string {
  return offer('recvonly', options);
}

/** What a client sends when its candidates come late, or, with another `ufrag`, to restart ICE. */
export function fragment(ufrag: string): string {
  return lines([
    `a=ice-ufrag:${ufrag}`,
    'a=ice-pwd:0123456789abcdef01234567',
    'm=audio 9 UDP/TLS/RTP/SAVPF 0',
    'a=mid:0',
    'a=candidate:1 1 udp 2130706431 198.51.100.1 39132 typ host',
    'a=end-of-candidates',
  ]);
}

function offer(
  direction: string,
  { ufrag = 'EsAw', video = 'VP8', profile = '42e01f', audio = true }: OfferOptions,
) {
  const path = [
    'c=IN IP4 0.0.0.0',
    'a=rtcp-mux',
    `a=ice-ufrag:${ufrag}`,
    'a=ice-pwd:0123456789abcdef01234567',
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    'a=setup:actpass',
    `a=${direction}`,
  ];
  const ssrc = (value: number) => (direction === 'sendonly' ? [`a=ssrc:${value} cname:test`] : []);
  return lines([
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${audio ? '0 ' : ''}1`,
    ...(audio
      ? [
          'm=audio 9 UDP/TLS/RTP/SAVPF 111',
          ...path,
          'a=mid:0',
          'a=rtpmap:111 opus/48000/2',
          'a=fmtp:111 minptime=10;useinbandfec=1',
          ...ssrc(1000 + Math.floor(Math.random() * 1e6)),
        ]
      : []),
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    ...path,
    'a=mid:1',
    `a=rtpmap:96 ${video}/90000`,
    ...(video === 'H264'
      ? [`a=fmtp:96 profile-level-id=${profile};packetization-mode=1;level-asymmetry-allowed=1`]
      : []),
    'a=rtcp-fb:96 nack',
    'a=rtcp-fb:96 nack pli',
    ...ssrc(2_000_000 + Math.floor(Math.random() * 1e6)),
  ]);
}

function lines(texts: string[]): string {
  return texts.map((text) => `${text}\r\n`).join('');
}
