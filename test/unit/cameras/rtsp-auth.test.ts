import { describe, expect, test } from 'vitest';
import { authorize, chooseChallenge } from '../../../server/cameras/rtsp-auth.ts';

const MUFASA = { username: 'Mufasa', password: 'Circle of Life' };
const GET = { method: 'GET', uri: '/dir/index.html' };

function answer(header: string, cnonce: string, credentials = MUFASA, request = GET): string {
  const challenge = chooseChallenge([header]);
  if (!challenge) throw new Error('not understood');
  return authorize(challenge, credentials, request, cnonce);
}

describe('Digest', () => {
  // RFC 7616, section 3.9.1
  const offer = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('with %s', (algorithm, response) => {
    const header = answer(offer(algorithm), cnonce);
    expect(header).toMatch(/^Digest username="Mufasa", realm="http-auth@example.org", nonce="7ypf/);
    expect(header).toContain(`response="${response}"`);
    expect(header).toContain(`algorithm=${algorithm}, opaque="FQhe/`);
    expect(header).toContain(`qop=auth, nc=00000001, cnonce="${cnonce}"`);
  });

  test('with a session key', () => {
    // By curl 8: user:pass, nonce abc, cnonce def.
    const header = answer('Digest realm="r", nonce="abc", algorithm=MD5-sess, qop="auth"', 'def');
    expect(header).toContain('algorithm=MD5-sess');
    expect(header).toContain('cnonce="def"');
  });

  test('as RFC 2069 has it, which is what most cameras do', () => {
    const credentials = { username: 'Mufasa', password: 'CircleOfLife' };
    const header = answer(
      'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
      'unused',
      credentials,
    );
    expect(header).toContain('response="1949323746fe6a43ef61f9606e7febea"');
    expect(header).not.toContain('qop');
    expect(header).not.toContain('cnonce');
    expect(header).not.toContain('algorithm');
  });

  test('quotes are quoted', () => {
    const header = answer('Digest realm="a \\"b\\"", nonce="n"', 'c', {
      username: 'x" y\\',
      password: 'p',
    });
    expect(header).toContain('username="x\\" y\\\\"');
    expect(header).toContain('realm="a \\"b\\""');
  });
});

test('Basic', () => {
  expect(answer('Basic realm="camera"', '')).toBe(
    `Basic ${Buffer.from('Mufasa:Circle of Life').toString('base64')}`,
  );
});

describe('of several challenges', () => {
  test('the safest is chosen, in whatever order', () => {
    const basic = 'Basic realm="r"';
    const md5 = 'Digest realm="r", nonce="n"';
    const sha256 = 'Digest realm="r", nonce="n", algorithm="SHA-256"';
    expect(chooseChallenge([basic, md5, sha256])).toMatchObject({ hash: 'sha256' });
    expect(chooseChallenge([md5, basic])).toMatchObject({ hash: 'md5' });
    expect(chooseChallenge([basic])).toEqual({ scheme: 'basic' });
  });

  test.each([
    [[]],
    [['']],
    [['Negotiate']],
    [['Digest realm="r"']],
    [['Digest nonce="n"']],
    [['Digest realm="r", nonce="n", algorithm=ROT13']],
    [['Digest realm="r", nonce="n", qop="auth-int"']],
  ])('%o is not understood', (headers) => {
    expect(chooseChallenge(headers)).toBeUndefined();
  });
});
