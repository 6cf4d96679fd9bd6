import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../config/errors.ts';
import { loadConfig } from '../../../config/load.ts';
import { configSchema } from '../../../config/schema.ts';

const directory = mkdtempSync(join(tmpdir(), 'pharos-config-'));
const file = join(directory, 'test.yaml');
afterAll(() => rmSync(directory, { recursive: true }));

function load(yaml: string, env: Record<string, string> = {}) {
  writeFileSync(file, yaml);
  return loadConfig({ env, file });
}

/** The message of the ConfigError that loading ends in: one line always. */
function refusal(yaml: string, env: Record<string, string> = {}): string {
  try {
    load(yaml, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.message).not.toContain('\n');
    return error.message;
  }
  throw new Error('the configuration was accepted');
}

describe('where settings come from', () => {
  test('without a file all is at its default', () => {
    expect(loadConfig({ env: {} })).toEqual(configSchema.parse({}));
  });

  test('the file overrides the defaults, the environment overrides the file', () => {
    const config = load('http: { port: 1000, host: "127.0.0.1" }', { PHAROS_HTTP_PORT: '2000' });
    expect(config.http).toMatchObject({ port: 2000, host: '127.0.0.1', trustedProxies: [] });
  });

  test('PHAROS_CONFIG names the file; one that is not there is an error', () => {
    writeFileSync(file, 'log: { level: warn }');
    expect(loadConfig({ env: { PHAROS_CONFIG: file } }).log.level).toBe('warn');
    expect(() => loadConfig({ env: { PHAROS_CONFIG: '/nowhere/pharos.yaml' } })).toThrow(
      'the configuration file "/nowhere/pharos.yaml" cannot be read: ENOENT',
    );
  });

  test('keys and sections with nothing behind them, and an empty file, are as not given', () => {
    expect(load('http:\n  tls:\n    # cert: x\nmedia:\n  workers:\n')).toEqual(configSchema.parse({}));
    expect(load('')).toEqual(configSchema.parse({}));
  });

  test('the result is frozen throughout', () => {
    const config = load('');
    for (const part of [config, config.http, config.http.tls, config.media.videoCodecs, config.iceServers]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('environment', () => {
  test.each([
    ['PHAROS_HTTP_TLS_CERT', '', (c: ReturnType<typeof load>) => c.http.tls.cert, ''],
    ['PHAROS_MEDIA_PORT_BASE', ' 20000 ', (c: ReturnType<typeof load>) => c.media.portBase, 20_000],
    [
      'PHAROS_DATA_DIRECTORY',
      '/var/lib/pharos',
      (c: ReturnType<typeof load>) => c.dataDirectory,
      '/var/lib/pharos',
    ],
    [
      'PHAROS_AUTH_PUBLISH_KEY',
      '1234567890123456',
      (c: ReturnType<typeof load>) => c.auth.publishKey,
      '1234567890123456',
    ],
    ['PHAROS_MEDIA_VIDEO_CODECS', 'H264', (c: ReturnType<typeof load>) => c.media.videoCodecs, ['H264']],
    [
      'PHAROS_MEDIA_VIDEO_CODECS',
      'H264, VP8',
      (c: ReturnType<typeof load>) => c.media.videoCodecs,
      ['H264', 'VP8'],
    ],
    [
      'PHAROS_MEDIA_VIDEO_CODECS',
      'VP8,H264,VP9,AV1',
      (c: ReturnType<typeof load>) => c.media.videoCodecs,
      ['VP8', 'H264', 'VP9', 'AV1'],
    ],
    [
      'PHAROS_MEDIA_LISTEN_ADDRESSES',
      '["::1"]',
      (c: ReturnType<typeof load>) => c.media.listenAddresses,
      ['::1'],
    ],
    [
      'PHAROS_ICE_SERVERS',
      '[{ urls: "stun:stun.example.org" }]',
      (c: ReturnType<typeof load>) => c.iceServers,
      [{ urls: ['stun:stun.example.org'] }],
    ],
    [
      'PHAROS_CAMERAS',
      '[{ stream: door, url: "rtsp://me:secret@192.168.1.20/1" }]',
      (c: ReturnType<typeof load>) => c.cameras,
      [
        {
          stream: 'door',
          url: 'rtsp://me:secret@192.168.1.20/1',
          onDemand: true,
          transport: 'tcp',
          transcode: 'never',
        },
      ],
    ],
    [
      'PHAROS_CAMERA_NETWORKS',
      '192.168.1.0/24, fd12::/64',
      (c: ReturnType<typeof load>) => c.cameraNetworks,
      ['192.168.1.0/24', 'fd12::/64'],
    ],
  ] as const)('%s=%s', (name, text, read, expected) => {
    expect(read(load('', { [name]: text }))).toEqual(expected);
  });

  test('an empty variable sets a text that may be empty and leaves everything else alone', () => {
    const yaml = 'http: { port: 1000 }\nmedia: { announcedAddress: example.org }\nlog: { level: warn }';
    const config = load(yaml, {
      PHAROS_HTTP_PORT: '',
      PHAROS_MEDIA_ANNOUNCED_ADDRESS: '',
      PHAROS_LOG_LEVEL: '',
    });
    expect(config.http.port).toBe(1000);
    expect(config.media.announcedAddress).toBe('');
    expect(config.log.level).toBe('warn');
  });

  test('a name that is no setting is an error, with the nearest one that is', () => {
    expect(refusal('', { PHAROS_HTTP_PROT: '1' })).toBe(
      'PHAROS_HTTP_PROT: there is no setting of this name; did you mean PHAROS_HTTP_PORT? (environment)',
    );
    expect(refusal('', { PHAROS_PORT: '8080' })).toContain('PHAROS_PORT: there is no setting');
  });

  test('variables of tools, of others and of Kubernetes service links are none of our business', () => {
    const env = {
      PATH: '/bin',
      PHAROS_CHROMIUM: '/usr/bin/chromium',
      PHAROS_WORKER_ROUTE: 'build',
      PHAROS_TEST_LOG: '1',
      PHAROS_SERVICE_HOST: '10.0.0.1',
      PHAROS_SERVICE_PORT_HTTP: '80',
      PHAROS_PORT: 'tcp://10.0.0.1:80',
      PHAROS_PORT_80_TCP_ADDR: '10.0.0.1',
    };
    expect(load('', env)).toEqual(configSchema.parse({}));
  });
});

describe('what is refused, and in which words', () => {
  test.each([
    [
      'http:\n  port: 70000',
      `http.port: 70000 is not possible; it must be a whole number from 0 to 65535 (${file}:2)`,
    ],
    ['http: 5', `http: 5 is not possible; it must be a section with host, port,`],
    ['- a', 'configuration: this list is not possible; it must be a section with http, auth,'],
    [
      'auth: { publish: all }',
      'auth.publish: "all" is not possible; it must be one of "local", "key", "open"',
    ],
    [
      'http: { publicUrl: "ftp://x" }',
      'http.publicUrl: "ftp://x" is not possible; it must be empty or an http://',
    ],
    [
      'media: { videoCodecs: [] }',
      'media.videoCodecs: an empty list is not possible; it must be a list of 1 to 4',
    ],
    [
      'media: { videoCodecs: [H265] }',
      'media.videoCodecs.0: "H265" is not possible; it must be one of "VP8", "H264", "VP9", "AV1"',
    ],
    [
      'limits: { waitTime: 1.5 }',
      'limits.waitTime: 1.5 is not possible; it must be a whole number from 1 to 604800 s',
    ],
    ['media: { announcedAddress: 10 }', 'it must be text (a number as text needs quotes)'],
    [
      'iceServers: [{ urls: "http://x" }]',
      'iceServers.0.urls.0: "http://x" is not possible; it must be stun:, stuns:',
    ],
    [
      'iceServers: ["stun:x"]',
      'iceServers.0: "stun:x" is not possible; it must be an entry with urls, username, cred',
    ],
    [
      'htp: {}',
      'htp: there is no such setting; did you mean http? Allowed in the top level: http, auth, media,',
    ],
    ['port: 1', 'port: there is no such setting; did you mean http.port?'],
    [
      'http: { tls: { certt: a } }',
      'http.tls.certt: there is no such setting; did you mean http.tls.cert? Allowed in',
    ],
    [
      'iceServers: [{ urls: "stun:x", user: a }]',
      'iceServers.0.user: there is no such setting; did you mean iceServ',
    ],
    ['http: { __proto__: { port: 1 } }', 'http.__proto__: there is no such setting'],
    ['http:\n  port: 1\nhttp: {}', `${file}:3: not valid YAML: Map keys must be unique`],
    ['turn: { urls: ["turn:x"] }', 'turn.secret: it is empty; turn.urls needs the secret'],
    [
      'iceServers: [{ urls: "turn:x", username: a }]',
      'iceServers.0.credential: it is missing; "turn:x" needs',
    ],
    [
      'media: { portBase: 65535, workers: 2 }',
      'media.portBase: 65535 is too high for 2 workers; it must be at most 65534',
    ],
    [
      'media: { portBase: 2999, workers: 2 }',
      'http.port: 3000 is one of the media ports; it must not be from 2999 to',
    ],
    [
      'media: { videoMaxBitrate: 100000 }',
      'media.videoStartBitrate: 2500000 is above media.videoMaxBitrate; it must',
    ],
    [
      'http: { tls: { cert: a.pem } }',
      'http.tls.key: it is empty, but http.tls.cert is "a.pem"; TLS needs both',
    ],
    [
      'cameras: [{ stream: "a b", url: "rtsp://x" }]',
      'cameras.0.stream: *** is not possible; it must be 1 to 64 letters',
    ],
    [
      'cameras: [{ stream: a, url: "http://x" }]',
      'cameras.0.url: *** is not possible; it must be an rtsp:// or rtsps:// address',
    ],
    [
      'cameras: [{ stream: a, url: "rtsp://x", onDemand: 1 }]',
      'cameras.0.onDemand: *** is not possible; it must be true or false',
    ],
    [
      'cameras: [{ stream: a, url: "rtsp://x", transport: sctp }]',
      'cameras.0.transport: *** is not possible; it must be one of "tcp", "udp"',
    ],
    [
      'cameras: [{ stream: a, url: "rtsp://x" }, { stream: a, url: "rtsp://y" }]',
      'cameras.1.stream: "a" is the stream of cameras.0 already',
    ],
    [
      'cameras: [{ stream: a, url: "rtsp://x" }]\nlimits: { cameras: 0 }',
      'limits.cameras: 0 is too low for the 1 entries of cameras',
    ],
    [
      'cameraNetworks: ["10.0.0.0/33"]',
      'cameraNetworks.0: "10.0.0.0/33" is not possible; it must be an address or a network',
    ],
    [
      'recordings: { record: [{ streams: "a b", record: always }] }',
      'recordings.record.0.streams: "a b" is not possible; it must be a stream id in which "*" stands for',
    ],
    [
      'recordings: { hook: { url: "http://x/y" } }',
      'recordings.hook.secret: it is empty; recordings.hook.url needs one to sign with',
    ],
    [
      'auth: { webhook: { url: "http://x/y" } }',
      'auth.webhook.secret: it is empty; auth.webhook.url needs one to sign with',
    ],
    [
      'auth: { keys: [{ name: a, key: 1234567890abcdef, actions: [watch] }, { name: a, key: fedcba0987654321, actions: [watch] }] }',
      'auth.keys.1.name: "a" is the name of another key already',
    ],
    [
      'auth: { keys: [{ name: adminKey, key: 1234567890abcdef, actions: [watch] }] }',
      'auth.keys.0.name: *** is not possible',
    ],
    ['auth: { private: ["a b"] }', 'auth.private.0: "a b" is not possible; it must be a stream id in which'],
    ['auth: { jwt: { jwksUrl: "http://me:x@y/z" } }', 'auth.jwt.jwksUrl: it has a user name'],
    [
      'recordings: { s3: { bucket: b, accessKey: a } }',
      'recordings.s3.secret: it is empty; an access key and its secret go together',
    ],
    ['http: { tls: { cert: /no/a, key: /no/b } }', 'http.tls.cert: "/no/a" cannot be read: ENOENT'],
  ])('%s', (yaml, message) => {
    expect(refusal(yaml)).toContain(message);
  });

  test('a value of the environment is blamed on its variable', () => {
    expect(refusal('http: { port: 1 }', { PHAROS_HTTP_PORT: 'x' })).toBe(
      'http.port: "x" is not possible; it must be a whole number from 0 to 65535 (PHAROS_HTTP_PORT)',
    );
    expect(refusal('', { PHAROS_ICE_SERVERS: '[{' })).toContain('(PHAROS_ICE_SERVERS)');
  });

  test('one worker per core counts as many ports', () => {
    const tooHigh = 65536 - availableParallelism() + 1;
    expect(refusal(`media: { portBase: ${tooHigh} }`)).toContain(`must be at most ${tooHigh - 1}`);
    expect(load(`media: { portBase: ${tooHigh - 1} }`).media.portBase).toBe(tooHigh - 1);
  });

  test.each([
    ['auth: { publishKey: hunter2 }', {}],
    ['auth: { publishKey: [hunter2] }', {}],
    ['auth: hunter2secret: x', {}],
    ['turn:\n  secret: *hunter2', {}],
    ['turn:\n  secret: !hunter2 x', {}],
    ['turn: { secrett: hunter2 }', {}],
    ['turn: { secret: { hunter2: 1 } }', {}],
    ['iceServers: [{ urls: "turn:x", username: a, credential: [hunter2] }]', {}],
    ['iceServers: { credential: hunter2 }', {}],
    ['auth: { adminKey: hunter2 }', {}],
    ['auth: { keys: [{ name: a, key: hunter2, actions: [watch] }] }', {}],
    ['auth: { keys: [{ name: "hunter2 1", key: 1234567890123456, actions: [watch] }] }', {}],
    ['auth: { jwt: { secret: hunter2 } }', {}],
    ['auth: { webhook: { url: "xmpp://a:hunter2@b" } }', {}],
    ['auth: { jwt: { jwksUrl: "xmpp://a:hunter2@b" } }', {}],
    ['cameras: "rtsp://me:hunter2@cam"', {}],
    ['cameras: ["rtsp://me:hunter2@cam"]', {}],
    ['cameras: [{ stream: a, url: "http://me:hunter2@cam" }]', {}],
    ['cameras: [{ stream: "rtsp://me:hunter2@cam", url: a }]', {}],
    ['cameras: [{ stream: a, url: "rtsp://me:hunter2@cam", transport: "rtsp://me:hunter2@cam" }]', {}],
    ['cameras: [{ stream: a, url: "rtsp://cam", password: hunter2 }]', {}],
    ['recordings: { hook: { url: "xmpp://a:hunter2@b" } }', {}],
    ['recordings: { s3: { secret: [hunter2] } }', {}],
    ['', { PHAROS_AUTH_PUBLISH_KEY: 'hunter2' }],
    ['', { PHAROS_CAMERAS: 'rtsp://me:hunter2@cam' }],
    ['', { PHAROS_CAMERAS: '[{ stream: a, url: "rtsp://me:hunter2@cam }]' }],
    ['', { PHAROS_AUTH_PUBLISH_KEYS: 'hunter2' }],
    ['', { PHAROS_ICE_SERVERS: '[{ credential: "hunter2 }]' }],
    ['', { PHAROS_ICE_SERVERS: '[{ credential: *hunter2 }]' }],
  ])('secrets are not shown: %s %o', (yaml, env) => {
    expect(refusal(yaml, env)).not.toContain('hunter2');
  });
});
