import { describe, expect, test } from 'vitest';
import {
  cameraEndpoint,
  cameraRequestUrl,
  isCameraUrl,
  parseCameraUrl,
} from '../../../server/base/camera-url.ts';

function parsed(text: string) {
  const url = parseCameraUrl(text);
  if (!url) throw new Error(`not taken: ${text}`);
  return url;
}

describe('a camera address', () => {
  test('is taken apart', () => {
    expect(parsed('rtsp://me:p%40ss%23@192.168.1.20:8554/live/ch0?profile=1&key=k')).toEqual({
      scheme: 'rtsp',
      host: '192.168.1.20',
      port: 8554,
      username: 'me',
      password: 'p@ss#',
      resource: '/live/ch0?profile=1&key=k',
    });
    expect(parsed('RTSPS://cam.example.org')).toMatchObject({ scheme: 'rtsps', port: 322, resource: '' });
    expect(parsed('rtsp://[fd12::1]/a')).toMatchObject({ host: 'fd12::1', port: 554 });
    expect(parsed('rtsp://a:b@c@host/')).toMatchObject({ username: 'a', password: 'b@c', host: 'host' });
  });

  test('is shown without credentials, path and query', () => {
    const url = parsed('rtsp://me:hunter2@cam:8554/hunter2?hunter2');
    expect(cameraEndpoint(url)).toBe('rtsp://cam:8554');
    expect(cameraEndpoint(parsed('rtsp://[fd12::1]/a'))).toBe('rtsp://[fd12::1]:554');
    expect(cameraRequestUrl(url)).toBe('rtsp://cam:8554/hunter2?hunter2');
  });

  test.each([
    'http://cam/',
    'file:///etc/passwd',
    'rtmp://cam/',
    'rtsp:cam',
    'rtsp://',
    'rtsp:///path',
    'rtsp://me:pa#ss@cam/',
    'rtsp://cam/#fragment',
    'rtsp://cam:0/',
    'rtsp://cam:70000/',
    'rtsp://cam/a b',
    'rtsp://cam/\r\nEvil: header',
    'rtsp://ca\tm/',
    'rtsp://kamera-ä/',
    'rtsp://ca%6d/',
    "rtsp://ca'm/",
    'rtsp://me:%0d%0aEvil@cam/',
    'rtsp://me:%zz@cam/',
    `rtsp://cam/${'a'.repeat(2048)}`,
    'concat:rtsp://cam/',
    '',
  ])('cannot be %j', (text) => {
    expect(isCameraUrl(text)).toBe(false);
  });
});
