import { expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { Admission } from '../../../server/auth/admission.ts';

const limits = (settings: object) => configSchema.parse({ limits: settings }).limits;

test('no joins while the server is overloaded, and they cost the address nothing', () => {
  let overloaded = true;
  const admission = new Admission(limits({ joinsPerAddress: 1 }), () => overloaded);
  for (let join = 0; join < 3; join++)
    expect(() => admission.join('192.0.2.1')).toThrow(expect.objectContaining({ code: 'server_full' }));
  overloaded = false;
  admission.join('192.0.2.1');
  expect(() => admission.join('192.0.2.1')).toThrow(expect.objectContaining({ code: 'too_many_requests' }));
  admission.join('192.0.2.2');
});

test('places are counted by address, a whole /64 of IPv6 as one', () => {
  const admission = new Admission(limits({ connectionsPerAddress: 2 }));
  const leave = admission.enter('2001:db8::1');
  admission.enter('2001:db8::2');
  expect(admission.enter('2001:db8::3')).toBeUndefined();
  expect(admission.enter('2001:db8:0:1::1')).toBeDefined();
  leave?.();
  leave?.();
  expect(admission.enter('2001:db8::3')).toBeDefined();
  expect(admission.enter('2001:db8::4')).toBeUndefined();
});
