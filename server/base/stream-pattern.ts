/**
 * Whether a pattern fits a stream id: `*` stands for any number of letters.
 * Never backtracks, however many stars there are and however long the id is.
 */
export function matchesStream(pattern: string, stream: string): boolean {
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
