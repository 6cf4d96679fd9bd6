import { expect, test } from 'vitest';
import { readFragment, restartFragment } from '../../../server/whip/sdp-fragment.ts';
import { readOffer } from '../../../server/whip/sdp-offer.ts';
import { offer, TRANSPORT } from '../../helpers/offers.ts';

const TRICKLE = [
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:0',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  'a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1',
  'a=candidate:3471623853 1 udp 2122194687 2001:db8::1 61765 typ host',
  'a=end-of-candidates',
];
const ICE = { usernameFragment: 'EsAw', password: 'P2uYro0UCOQ4zxjKXaWCBui1' };

test.each<[string, string[], object]>([
  ['candidates', TRICKLE, { ice: ICE, candidates: 2, endOfCandidates: true }],
  ['credentials only', TRICKLE.slice(3, 5), { ice: ICE, candidates: 0, endOfCandidates: false }],
  ['the end only', ['a=end-of-candidates'], { ice: undefined, candidates: 0, endOfCandidates: true }],
  [
    'other attributes',
    ['a=ice-options:trickle', 'a=x-other', ...TRICKLE.slice(3)],
    { ice: ICE, candidates: 2 },
  ],
])('%s', (_, lines, expected) => {
  for (const end of ['\r\n', '\n']) expect(readFragment(lines.join(end) + end)).toMatchObject(expected);
});

test.each([
  ['nothing', '', /empty/],
  ['JSON', '{"candidate":""}', /line 1 of the fragment/],
  ['a password alone', 'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1', /ice-ufrag/],
  ['a short password', 'a=ice-ufrag:EsAw\r\na=ice-pwd:short', /ice-pwd/],
  ['a NUL', 'a=ice-ufrag:Es\0Aw', /control characters/],
  ['too many lines', 'a=x\n'.repeat(3000), /more than 2000 lines/],
  ['too much', 'a='.padEnd(300_000, 'x'), /too long/],
])('%s is refused', (_, text, message) => {
  expect(() => readFragment(text)).toThrow(
    expect.objectContaining({ code: 'bad_request', message: expect.stringMatching(message) }),
  );
});

test('an ICE restart is answered with the tagged m-line, our credentials and all candidates', () => {
  const { sections, bundle } = readOffer(offer('chromium-watch'));
  const [tagged] = sections;
  if (!tagged) throw new Error('no section');
  const fragment = restartFragment({ bundle, tagged }, TRANSPORT);
  expect(fragment.split('\r\n')).toEqual([
    'a=group:BUNDLE 0 1',
    'a=ice-lite',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111',
    'a=mid:0',
    'a=ice-ufrag:serverufrag',
    'a=ice-pwd:serverpasswordof22chars',
    'a=candidate:udpcandidate 1 udp 1076302079 203.0.113.7 44444 typ host',
    'a=candidate:tcpcandidate 1 tcp 1076276479 203.0.113.7 44444 typ host tcptype passive',
    'a=candidate:udpcandidate 1 udp 1076558079 2001:db8::7 44444 typ host',
    'a=candidate:udpcandidate 1 udp 1076000000 media.example.org 44444 typ host',
    'a=end-of-candidates',
    '',
  ]);
  expect(readFragment(fragment)).toMatchObject({ candidates: 4, endOfCandidates: true });
});
