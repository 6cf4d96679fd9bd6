import { describe, expect, test } from 'vitest';
import type { Extension } from '../../../server/whip/sdp-negotiation.ts';
import { readOffer } from '../../../server/whip/sdp-offer.ts';
import { readEncodings } from '../../../server/whip/simulcast.ts';

const EXTENSIONS: Extension[] = (
  [
    'urn:ietf:params:rtp-hdrext:sdes:mid',
    'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
    'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  ] as const
).map((uri, index) => ({ uri, id: index + 1, direction: 'sendrecv' }));

function encodings(lines: string[], extensions = EXTENSIONS, kind = 'video') {
  const sdp = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    `m=${kind} 9 UDP/TLS/RTP/SAVPF 96 98`,
    'a=mid:0',
    ...lines,
  ];
  const [section] = readOffer(`${sdp.join('\r\n')}\r\n`).sections;
  if (!section) throw new Error('no section');
  return readEncodings(section, 96, extensions);
}

const named = (list: string, restrictions: Record<string, string> = {}) => [
  ...(list
    .match(/[a-zA-Z0-9]+/g)
    ?.map((id) => `a=rid:${id} send${restrictions[id] ? ` ${restrictions[id]}` : ''}`) ?? []),
  `a=simulcast:send ${list}`,
];

describe('by rid, from the lowest quality to the highest', () => {
  test.each([
    ['names of Chromium’s examples', named('q;h;f'), 'q h f'],
    ['the same, best first', named('f;h;q'), 'q h f'],
    ['letters', named('h;m;l'), 'l m h'],
    ['words', named('high;low;mid'), 'low mid high'],
    ['other words', named('low;medium;high'), 'low medium high'],
    ['mediasoup-client', named('r0;r1;r2'), 'r0 r1 r2'],
    ['OBS: in order of preference', named('0;1;2;3'), '3 2 1 0'],
    ['unknown names: in order of preference', named('big;small'), 'small big'],
    [
      'widths, rather than names',
      named('q;h;f', { q: 'max-width=1280', h: 'max-width=640', f: 'max-width=320' }),
      'f h q',
    ],
    ['a width, and one without', named('a;b', { a: 'max-width=320' }), 'a b'],
    ['heights', named('a;b', { a: 'pt=96;max-height=180', b: 'max-height=720' }), 'a b'],
    ['frame sizes', named('a;b', { a: 'max-fs=396', b: 'max-fs=3600' }), 'a b'],
    ['bit rates', named('a;b', { a: 'max-br=100000', b: 'max-br=900000' }), 'a b'],
    ['the same width: by name', named('f;q', { f: 'max-width=640', q: 'max-width=640' }), 'q f'],
    ['of alternatives the first', named('f,x;q,y'), 'q f'],
    ['paused', named('~f;~q'), 'q f'],
    ['of six the best four', named('r0;r1;r2;r3;r4;r5'), 'r2 r3 r4 r5'],
    ['one of another payload type', named('q;f', { q: 'pt=98', f: 'pt=96,98' }), 'f'],
    ['one that is not declared', [...named('q;f'), 'a=simulcast:send q;h;f'], 'q f'],
    ['one that is received', [...named('q;f'), 'a=rid:h recv', 'a=simulcast:send q;f recv h'], 'q f'],
    ['the sent ones second', [...named('q;f'), 'a=rid:h recv', 'a=simulcast:recv h send q;f'], 'q f'],
    ['repeated', named('q;f;q'), 'q f'],
    ['SSRCs besides (Firefox)', [...named('q;f'), 'a=ssrc:1 cname:x', 'a=ssrc:2 cname:x'], 'q f'],
  ])('%s', (_, lines, expected) => {
    const found = encodings(lines);
    expect(typeof found === 'string' ? found : found.encodings.map(({ rid }) => rid).join(' ')).toBe(
      expected,
    );
  });

  test('names are answered in the order of the offer', () => {
    expect(encodings(named('0;1;2'))).toMatchObject({ rids: ['0', '1', '2'], rtx: true });
    expect(encodings(named('r0;r1;r2;r3;r4'))).toMatchObject({ rids: ['r1', 'r2', 'r3', 'r4'] });
  });

  test('mediasoup is told of temporal layers, lest it drop them', () => {
    expect(encodings(named('q;f'))).toMatchObject({
      encodings: [{ scalabilityMode: 'L1T3' }, { scalabilityMode: 'L1T3' }],
    });
  });

  test('RTX needs the extension for repaired streams', () => {
    expect(encodings(named('q;f'), EXTENSIONS.slice(0, 2))).toMatchObject({ rids: ['q', 'f'], rtx: false });
  });

  test('without the extension for rids it is a plain stream if its SSRC is known, else nothing', () => {
    const extensions = EXTENSIONS.slice(0, 1);
    expect(encodings([...named('q;f'), 'a=ssrc:7 cname:x'], extensions)).toMatchObject({
      encodings: [{ ssrc: 7 }],
      rids: [],
      cname: 'x',
    });
    expect(encodings(named('q;f'), extensions)).toMatch(/offers simulcast, which needs/);
  });
});

describe('by SSRC', () => {
  const source = (...ssrcs: number[]) => ssrcs.map((ssrc) => `a=ssrc:${ssrc} cname:x`);

  test.each<[string, string[], object]>([
    ['one', source(1), { encodings: [{ ssrc: 1 }], rtx: false }],
    [
      'one and its RTX',
      ['a=ssrc-group:FID 1 2', ...source(1, 2)],
      { encodings: [{ ssrc: 1, rtx: { ssrc: 2 } }], rtx: true },
    ],
    [
      'RTX named first',
      ['a=ssrc-group:FID 1 2', ...source(2, 1)],
      { encodings: [{ ssrc: 1, rtx: { ssrc: 2 } }], rtx: true },
    ],
    ['FEC besides', ['a=ssrc-group:FEC-FR 1 3', ...source(3, 1)], { encodings: [{ ssrc: 1 }] }],
    ['of unrelated ones the first', source(5, 6), { encodings: [{ ssrc: 5 }] }],
    ['a group of itself', ['a=ssrc-group:FID 1 1', ...source(1)], { encodings: [{ ssrc: 1 }], rtx: false }],
    ['0 and too large are none', source(0, 4294967296, 9), { encodings: [{ ssrc: 9 }] }],
    [
      'SIM',
      [
        'a=ssrc-group:SIM 1 2 3',
        'a=ssrc-group:FID 1 11',
        'a=ssrc-group:FID 2 12',
        'a=ssrc-group:FID 3 13',
        ...source(1, 2, 3, 11, 12, 13),
      ],
      {
        encodings: [
          { ssrc: 1, rtx: { ssrc: 11 } },
          { ssrc: 2, rtx: { ssrc: 12 } },
          { ssrc: 3, rtx: { ssrc: 13 } },
        ],
        rtx: true,
      },
    ],
    [
      'SIM, and RTX for one only',
      ['a=ssrc-group:SIM 1 2', 'a=ssrc-group:FID 1 11', ...source(1, 2, 11)],
      { encodings: [{ ssrc: 1 }, { ssrc: 2 }], rtx: false },
    ],
  ])('%s', (_, lines, expected) => {
    expect(encodings(lines)).toMatchObject(expected);
  });

  test('of audio one stream is taken: mediasoup has no simulcast of it', () => {
    const sim = ['a=ssrc-group:SIM 1 2', ...source(1, 2)];
    expect(encodings(sim, EXTENSIONS, 'audio')).toMatchObject({ encodings: [{ ssrc: 1 }], rids: [] });
    expect(encodings(named('q;f'), EXTENSIONS, 'audio')).toMatchObject({ encodings: [{}], rids: [] });
  });

  test('a cname that could not be repeated is left out', () => {
    expect(encodings(['a=ssrc:1 cname:a b'])).toMatchObject({ cname: undefined });
    expect(encodings(['a=ssrc:1 cname:7'])).toMatchObject({ cname: '7' });
  });
});
