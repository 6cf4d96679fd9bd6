/** Which streams are recorded, by their ids. Pure. */
import type { RecordRule } from '../../config/schema.ts';

/** The first rule that matches counts; without one, a stream is recorded when somebody asks for it. */
export function recordMode(rules: readonly RecordRule[], stream: string): RecordRule['record'] {
  return rules.find(({ streams }) => matches(streams, stream))?.record ?? 'manual';
}

/** `*` stands for any number of letters. Never backtracks: patterns are the operator's, ids are not. */
function matches(pattern: string, stream: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return stream === head;
  if (stream.length < head.length + tail.length) return false;
  if (!stream.startsWith(head) || !stream.endsWith(tail)) return false;
  let at = head.length;
  for (const piece of rest) {
    const found = stream.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= stream.length - tail.length;
}
