import { z } from 'zod';
import { grantLimitsSchema, streamPatternSchema } from '../../../config/schema.ts';
import { actionSchema, subjectSchema } from '../../auth/grant.ts';
import { madeGrant } from '../../protocol/live.ts';
import { described, operation } from '../operation.ts';

export const TEN_YEARS = 10 * 365 * 86_400;

const limits = described('GrantLimits', z.strictObject(grantLimitsSchema.shape), {
  viewers: 'Of the stream, at the same time.',
  bitrate: 'That may be sent, in bit/s.',
  streams: 'Published at the same time.',
});

const grant = described(
  'Grant',
  z.strictObject({
    action: actionSchema,
    stream: streamPatternSchema.default('*'),
    ttl: z.int().min(1).max(TEN_YEARS).default(86_400),
    subject: subjectSchema.optional(),
    limits: limits.default({}),
  }),
  {
    action: 'What it is for. Who publishes may watch and record the stream too.',
    stream: 'A stream id, in which `*` stands for any letters.',
    ttl: 'How long it holds, in seconds.',
    subject: 'Who holds it: what is listed, counted and revoked by. Left out, the token itself.',
    limits: 'How much it allows, where that is less than the server’s own limits.',
  },
);

described('MadeGrant', madeGrant, {
  token: 'A JWT; a secret of whoever it is for.',
  jti: 'To revoke it by.',
  expires: 'Until when it holds.',
  uses: 'What can be done with it: an address, for `link` with the token in it, else for use as a bearer token.',
  note: 'What its holder should know.',
});

export const makeGrant = operation({
  id: 'makeGrant',
  method: 'post',
  path: '/api/grants',
  group: 'Grants',
  title: 'Make a token',
  text: 'As `npm run grant` does. One to administer is made with the admin key alone, not with another token.',
  need: 'administer',
  body: { schema: grant, example: { action: 'publish', stream: 'stage-2', ttl: 7200, subject: 'anna' } },
  answers: {
    201: {
      means: 'The token; it is shown this once.',
      schema: madeGrant,
      example: {
        token: 'eyJhbGciOiJIUzI1NiJ9…',
        jti: '0f8c9a2e-9f0e-4a43-9c7b-2f6a3f1f3b0d',
        action: 'publish',
        stream: 'stage-2',
        subject: 'anna',
        expires: '2026-11-21T20:04:11.000Z',
        uses: [{ name: 'OBS, WHIP', url: 'https://live.example.org/whip/stage-2', link: false }],
        note: null,
      },
    },
  },
  refusals: ['not_allowed'],
});

const expires = z
  .int()
  .positive()
  .optional()
  .describe(
    'When all that it concerns will have expired, in seconds since 1970; the revocation is kept until then.',
  );
const name = z.string().min(1).max(256);

export const revokeGrants = operation({
  id: 'revokeGrants',
  method: 'post',
  path: '/api/revoke',
  group: 'Grants',
  title: 'Revoke tokens, and end what goes on by them',
  text: 'One token by its `jti`, or all tokens of a subject that were issued until now. A configured key is taken back by changing the configuration.',
  need: 'administer',
  body: {
    schema: z.union([
      z.strictObject({ jti: name, expires }),
      z.strictObject({ subject: name.refine((subject) => !/^(key|address):/.test(subject)), expires }),
    ]),
    example: { subject: 'anna' },
  },
  answers: {
    200: {
      means: 'How many publishers and viewers that ended.',
      schema: z.object({ ended: z.int().min(0) }),
      example: { ended: 1 },
    },
  },
  refusals: ['server_full'],
});
