import * as z from 'zod/mini';
import { sentence } from './explain.ts';

const problem = z.object({ detail: z.string() });

/** What the server says of its refusal (RFC 9457). */
export async function problemOf(response: Response): Promise<string> {
  const body = problem.safeParse(await response.json().catch(() => undefined));
  return sentence(body.data?.detail ?? response.statusText);
}
