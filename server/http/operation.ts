/**
 * Operations of the REST API. Each is declared once, in operations/: its route, who may, what it takes and
 * answers. Routes are made of that by `serve`, the OpenAPI document by openapi.ts.
 */
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import type { Access } from '../auth/access.ts';
import type { Action } from '../auth/grant.ts';
import { PharosError } from '../base/errors.ts';
import type { ErrorCode } from '../protocol/codes.ts';

/** Of zod or zod/mini. */
export type Schema = z.core.$ZodType;

export type Answer = {
  /** What it means, in a few words. */
  means: string;
  /** Of JSON. */
  schema?: Schema;
  example?: unknown;
  /** The media type, where that is not JSON. */
  type?: string;
  /** Its headers, with what each holds. */
  headers?: Readonly<Record<string, string>>;
};

export type Operation = {
  /** Its name for programs, e.g. `listStreams`. */
  id: string;
  method: 'get' | 'post' | 'patch' | 'delete';
  /** As Express has it. */
  path: string;
  group: Group;
  /** In a few words. */
  title: string;
  /** More about it, for people. */
  text?: string;
  /** What a grant must be for, unless the configuration gives it to everybody; left out: anybody may. */
  need?: Action;
  query?: Readonly<Record<string, { text: string; required: boolean }>>;
  /** Headers that it needs. */
  headers?: Readonly<Record<string, string>>;
  body?: { schema?: Schema; type?: string; example: unknown };
  answers: Readonly<Record<number, Answer>>;
  /** Besides those that come of `need` and `body`. */
  refusals: readonly ErrorCode[];
};

/** In the order of the document. */
export const GROUPS = {
  Streams: 'What is published and watched, and the end of it.',
  Recordings: 'What was recorded, and what is being recorded.',
  Cameras: 'RTSP cameras that the server pulls.',
  Grants: 'Who may do what, and until when.',
  'WHIP and WHEP': 'Publishing (RFC 9725) and watching by HTTP and SDP. Pages of any origin may use them.',
  Server: 'How the server itself does.',
} as const;
export type Group = keyof typeof GROUPS;

/** Declares an operation, as it is. */
export function operation<const O extends Operation>(declared: O): O {
  return declared;
}

/** The refusals that come of what the operation needs and takes. */
export function refusalsOf({ need, body, refusals }: Operation): readonly ErrorCode[] {
  const all: ErrorCode[] = [...refusals];
  if (need) all.push('unauthorized', 'too_many_requests');
  if (body) all.push('bad_request', 'too_large');
  return [...new Set(all)];
}

export type Handler = RequestHandler<Record<string, string>>;

/** Makes the operation's route: who may not is refused before the handlers are reached. */
export function serve(
  router: Router,
  access: Access,
  { method, path, need }: Operation,
  ...handlers: readonly Handler[]
): void {
  router[method](path, ...(need ? [access.need(need)] : []), ...(handlers as RequestHandler[]));
}

type BodyOf<A> = A extends { schema: infer S extends Schema } ? [body: z.input<S>] : [body?: undefined];

/** Answers as was declared. */
export function respond<O extends Operation, S extends keyof O['answers'] & number>(
  response: Response,
  _operation: O,
  status: S,
  ...[body]: BodyOf<O['answers'][S]>
): void {
  response.status(status);
  if (body === undefined) response.end();
  else response.json(body);
}

/** To the other methods of these operations' paths: after all of them are served. */
export function refuseOthers(router: Router, operations: readonly Operation[]): void {
  for (const [path, same] of Map.groupBy(operations, (each) => each.path)) {
    const methods = same.map(({ method }) => method.toUpperCase()).join(', ');
    router.all(path, (_request: Request, response: Response) => {
      response.set('Allow', methods);
      throw new PharosError('method_not_allowed', `this address takes ${methods}`);
    });
  }
}

/** Gives fields of an object a description, for the document alone. @throws Error where it has another. */
export function described<S extends Schema & { shape: Readonly<Record<string, Schema>> }>(
  id: string,
  schema: S,
  fields: { readonly [K in keyof S['shape']]?: string },
): S {
  const before = z.globalRegistry.get(schema);
  z.globalRegistry.add(schema, { ...before, id });
  for (const [name, description] of Object.entries(fields)) {
    const field = schema.shape[name];
    if (field === undefined || description === undefined) continue;
    const known = z.globalRegistry.get(field)?.description;
    if (known !== undefined && known !== description) throw new Error(`${id}.${name} has a description`);
    z.globalRegistry.add(field, { description });
  }
  return schema;
}
