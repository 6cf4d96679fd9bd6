/** The REST API as an OpenAPI 3.1 document, of the operations and the zod schemas that they parse and answer by. Pure. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { STREAM_ID_PATTERN } from '../protocol/codes.ts';
import { type Answer, GROUPS, type Operation, refusalsOf, type Schema } from './operation.ts';
import { STATUS } from './status.ts';

type Json = Record<string, unknown>;

/** What the parts of paths are. */
const PARAMETERS: Readonly<Record<string, { text: string; schema: Json; example: string }>> = {
  stream: {
    text: 'The stream’s id.',
    schema: { type: 'string', pattern: STREAM_ID_PATTERN.source },
    example: 'stage-2',
  },
  session: {
    text: 'The session: its `id` in the list of sessions; of WHIP and WHEP, the last part of its address.',
    schema: { type: 'string' },
    example: '3f0f2b56-6a1b-4d5e-8f6f-0d7c1c5b2a10',
  },
  start: {
    text: 'When the recording began, as it stands in its `id`.',
    schema: { type: 'string' },
    example: '2026-11-21T18-04-11.310Z',
  },
  file: {
    text: 'The file’s name.',
    schema: { type: 'string' },
    example: '2026-11-21T18-04-11.310Z.mp4',
  },
};

const NEEDS = {
  publish: 'Needs a key or token to publish the stream, where `auth.publish` says so.',
  watch: 'Needs a token to watch, if the stream is private (`auth.private`).',
  record: 'Needs a key or token to publish or record the stream, where publishing needs one.',
  administer: 'Needs the admin key, or a token to administer.',
};

const ABOUT = `What programs can ask of a Pharos server. Keys and tokens are sent as \`Authorization: Bearer …\`.

Refusals are problem details (RFC 9457): \`code\` is a stable word to act on, \`detail\` a sentence for people. Where trying again makes sense, \`Retry-After\` says when. Fields may be added to answers; nothing that is there goes.

Browsers publish and watch by a WebSocket at \`/ws\`, whose messages are in docs/protocol.md.`;

/** @param version Of the server. */
export function openApi(operations: readonly Operation[], version: string): Json {
  const components: Json = { Problem: PROBLEM };
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method]: describeOperation(operation, components) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pharos',
      version,
      description: ABOUT,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(GROUPS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const PROBLEM = {
  type: 'object',
  description: 'A refusal (RFC 9457).',
  properties: {
    title: { type: 'string', description: 'What the status means.' },
    status: { type: 'integer' },
    code: {
      type: 'string',
      description: 'The stable word for it; missing where the request could not be read.',
    },
    detail: { type: 'string', description: 'A sentence for people.' },
  },
  required: ['title', 'status', 'detail'],
};

function describeOperation(operation: Operation, components: Json): Json {
  const { id, group, title, text, need, body } = operation;
  const description = [text, need && NEEDS[need]].filter(Boolean).join('\n\n');
  return {
    operationId: id,
    tags: [group],
    summary: title,
    ...(description && { description }),
    parameters: parametersOf(operation),
    // An empty one: it goes without, where the configuration lets everybody.
    security: need ? [...(need === 'administer' ? [] : [{}]), { bearer: [] }] : [],
    ...(body && {
      requestBody: {
        required: true,
        content: {
          [body.type ?? 'application/json']: {
            schema: body.schema ? jsonSchema(body.schema, 'input', components) : { type: 'string' },
            example: body.example,
          },
        },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          describeAnswer(answer, components),
        ]),
      ),
      ...refusals(operation),
    },
  };
}

function parametersOf({ path, query = {}, headers = {} }: Operation): Json[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => {
    const known = PARAMETERS[name];
    if (!known) throw new Error(`${path}: nothing is known of "${name}" (openapi.ts, PARAMETERS)`);
    const { text: description, schema, example } = known;
    return { name, in: 'path', required: true, description, schema, example };
  });
  const inQuery = Object.entries(query).map(([name, { text: description, required }]) => {
    return { name, in: 'query', required, description, schema: { type: 'string' } };
  });
  const inHeader = Object.entries(headers).map(([name, description]) => {
    return { name, in: 'header', required: true, description, schema: { type: 'string' } };
  });
  return [...inPath, ...inQuery, ...inHeader];
}

function describeAnswer({ means, schema, example, type, headers }: Answer, components: Json): Json {
  const content = schema
    ? {
        'application/json': {
          schema: jsonSchema(schema, 'output', components),
          ...(example !== undefined && { example }),
        },
      }
    : type && { [type]: {} };
  return {
    description: means,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' } },
        ]),
      ),
    }),
    ...(content && { content }),
  };
}

/** One answer for each status, with the codes that it may hold. */
function refusals(operation: Operation): Json {
  const byStatus = Map.groupBy(refusalsOf(operation), (code) => STATUS[code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: `${STATUS_CODES[status]}: ${codes.map((code) => `\`${code}\``).join(', ')}.`,
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

/** The schema in JSON; what has an id of its own goes to the components. */
function jsonSchema(schema: Schema, io: 'input' | 'output', components: Json): unknown {
  const override = ({ jsonSchema: made }: { jsonSchema: Json }) => tidy(made, io);
  const { $schema: _, $defs = {}, ...own } = z.toJSONSchema(schema, { io, override });
  for (const [id, definition] of Object.entries($defs)) components[id] = withReferences(definition);
  return withReferences(own);
}

function tidy(made: Json, io: 'input' | 'output'): void {
  // Answers may get more fields in versions to come.
  if (io === 'output' && made.additionalProperties === false) delete made.additionalProperties;
  // What zod knows of formats and whole numbers is said by their names.
  if (made.format !== undefined) delete made.pattern;
  if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
  if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
}

/** To the document's components. */
function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, content]) => [
      name,
      name === '$ref' && typeof content === 'string'
        ? content.replace('#/$defs/', '#/components/schemas/')
        : withReferences(content),
    ]),
  );
}
