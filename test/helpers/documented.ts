/** Calls the REST API by its OpenAPI document, and holds every answer to it. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { expect } from 'vitest';
import * as z from 'zod';

const content = z
  .record(z.string(), z.object({ schema: z.unknown().optional(), example: z.unknown().optional() }))
  .default({});
const operationSchema = z.object({
  operationId: z.string(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean() })),
  security: z.array(z.record(z.string(), z.unknown())),
  requestBody: z.object({ content }).optional(),
  responses: z.record(
    z.string(),
    z.object({ headers: z.record(z.string(), z.unknown()).default({}), content }),
  ),
});
export const documentSchema = z.object({
  openapi: z.string(),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});
export type Documented = z.infer<typeof operationSchema> & { method: string; path: string };

export type Call = {
  params?: Record<string, string>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  /** JSON if it is no text. */
  body?: unknown;
  /** Of a body that is a text; else what the document says. */
  type?: string;
};

export type Answered = { status: number; headers: Headers; body: unknown };

export class DocumentedApi {
  readonly url: string;
  readonly document: z.infer<typeof documentSchema>;
  readonly operations: ReadonlyMap<string, Documented>;
  /** `listStreams 200`: what was answered so far. */
  readonly seen = new Set<string>();
  readonly #ajv: Ajv2020;

  constructor(url: string, given: unknown) {
    this.url = url;
    this.document = documentSchema.parse(given);
    this.operations = new Map(
      Object.entries(this.document.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(
          ([method, each]) => [each.operationId, { ...each, method, path }] as const,
        ),
      ),
    );
    // OpenAPI's own words, such as `example`, are no mistakes.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true });
    // As vite gives it, or as Node does.
    const add = 'default' in addFormats ? addFormats.default : addFormats;
    (add as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema({ $id: 'document', components: strict(this.document.components) });
  }

  operation(id: string): Documented {
    const found = this.operations.get(id);
    if (!found) throw new Error(`no operation ${id} in the document`);
    return found;
  }

  /** What does not fit the schema. */
  faults(schema: unknown, value: unknown): string {
    const resolved: unknown = JSON.parse(
      JSON.stringify(strict(schema)).replaceAll('"#/components/', '"document#/components/'),
    );
    const validate = this.#ajv.compile(typeof resolved === 'object' && resolved !== null ? resolved : {});
    return validate(value) ? '' : this.#ajv.errorsText(validate.errors);
  }

  /** Sends it; the answer is one that is documented, with the status that is expected, if one is. */
  async call(id: string, status: number | undefined, call: Call = {}): Promise<Answered> {
    const operation = this.operation(id);
    const { params = {}, query = {}, body, headers = {} } = call;
    const [documentedType] = Object.keys(operation.requestBody?.content ?? {});
    const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(params[name] ?? 'none-such'),
    );
    const response = await fetch(`${this.url}${path}?${new URLSearchParams(query)}`, {
      method: operation.method.toUpperCase(),
      headers: {
        ...(body !== undefined && { 'Content-Type': call.type ?? documentedType ?? '' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const where = `${id} ${response.status}`;
    const bytes = Buffer.from(await response.arrayBuffer());
    if (status !== undefined)
      expect(response.status, `${id}: ${bytes.toString('utf8', 0, 500)}`).toBe(status);
    const documented = operation.responses[response.status];
    if (!documented) throw new Error(`${where} is not in the document: ${bytes.toString('utf8', 0, 500)}`);
    this.seen.add(where);
    for (const name of Object.keys(documented.headers)) {
      // Only where there are STUN or TURN servers.
      if (name !== 'Link') expect(response.headers.get(name), `${where}: ${name}`).not.toBeNull();
    }
    const type = response.headers.get('Content-Type')?.split(';')[0] ?? '';
    const [[expected, { schema = undefined } = {}] = []] = Object.entries(documented.content);
    if (expected === undefined) expect(bytes.length, where).toBe(0);
    // A file has its own type.
    else if (expected !== 'application/octet-stream') expect(type, where).toBe(expected);
    const isJson = /json$/.test(type);
    const answer: unknown = isJson ? JSON.parse(bytes.toString()) : bytes;
    if (schema !== undefined) expect(this.faults(schema, answer), where).toBe('');
    return { status: response.status, headers: response.headers, body: answer };
  }
}

/** Answers may get more fields later, but none that is not in the document of the same version. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, strict(value)]));
  return 'properties' in schema && 'type' in schema ? { ...inner, additionalProperties: false } : inner;
}
