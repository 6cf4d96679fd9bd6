import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { allowedNetworks, anyAddress, resolveAddress } from '../../../server/cameras/address.ts';

const names: Record<string, string[]> = {
  'public.example': ['1.1.1.1', '2606:4700::1111'],
  'private.example': ['192.168.1.20'],
  'both.example': ['1.1.1.1', '127.0.0.1'],
  'mapped.example': ['::ffff:169.254.169.254'],
  'nobody.example': [],
};
const lookUp = async (host: string) => {
  const addresses = names[host];
  if (!addresses) throw new Error('ENOTFOUND with the name in it');
  return addresses.map((address) => ({ address }));
};
const none = allowedNetworks([]);
const refused = { code: 'source_refused', passing: false };

describe('cameras that are added over the network', () => {
  test.each([
    ['1.1.1.1', '1.1.1.1'],
    ['2606:4700::1111', '2606:4700::1111'],
    ['public.example', '1.1.1.1'],
  ])('%s may be gone to', async (host, address) => {
    expect(await resolveAddress(host, none, { lookUp })).toBe(address);
  });

  test.each([
    '127.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '10.0.0.1',
    '169.254.169.254',
    '0.0.0.0',
    'private.example',
    'both.example',
    'mapped.example',
  ])('%s may not', async (host) => {
    await expect(resolveAddress(host, none, { lookUp })).rejects.toMatchObject(refused);
  });

  test.each(['localhost', '2130706433', '0x7f.1', '127.1'])('nor %s, by the real resolver', async (host) => {
    await expect(resolveAddress(host, none)).rejects.toMatchObject({ name: 'CameraFault' });
  });

  test('named networks may, and only those', async () => {
    const allowed = allowedNetworks(['192.168.1.0/24']);
    expect(await resolveAddress('private.example', allowed, { lookUp })).toBe('192.168.1.20');
    await expect(resolveAddress('192.168.2.1', allowed)).rejects.toMatchObject(refused);
    await expect(resolveAddress('127.0.0.1', allowed)).rejects.toMatchObject(refused);
  });

  test("this machine's own addresses may not, public or not", () => {
    for (const { address } of Object.values(networkInterfaces()).flatMap((entry) => entry ?? [])) {
      expect(none(address), address).toBe(false);
    }
  });
});

test("the operator's own may be anywhere", async () => {
  expect(await resolveAddress('127.0.0.1', anyAddress)).toBe('127.0.0.1');
  expect(await resolveAddress('private.example', anyAddress, { lookUp })).toBe('192.168.1.20');
});

test('a name that leads nowhere, told without the name', async () => {
  for (const host of ['unknown.example', 'nobody.example']) {
    const resolved = resolveAddress(host, none, { lookUp });
    await expect(resolved).rejects.toMatchObject({
      code: 'source_unreachable',
      passing: true,
      message: "the camera's host name is not known",
    });
  }
});

test('nobody waits for a resolver that does not answer', async () => {
  const controller = new AbortController();
  const resolved = resolveAddress('slow.example', none, {
    signal: controller.signal,
    lookUp: () => new Promise(() => undefined),
  });
  controller.abort();
  await expect(resolved).rejects.toMatchObject({ name: 'AbortError' });
});
