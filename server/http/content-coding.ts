/** Which content codings a client takes (RFC 9110, 12.5.3). Pure. */

/** In our order: the smaller first. */
const CODINGS = ['br', 'gzip'] as const;
export type Coding = (typeof CODINGS)[number];

/** Longer than any browser's; what is cut off is not asked for. */
const LONGEST = 1000;

/**
 * Those that the client takes and likes at least as well as none at all, the best first. `identity;q=0` can
 * go unheeded by who has no coded form: a client that can read none would get nothing by an error either.
 * @param header Its `Accept-Encoding`; without one it gets no coding, as it may know none.
 */
export function acceptedCodings(header: string | undefined): readonly Coding[] {
  const weights = parse(header?.slice(0, LONGEST) ?? '');
  const others = weights.get('*');
  const weight = (coding: Coding) => weights.get(coding) ?? others ?? 0;
  // Not named, it is acceptable, and no better than anything that is named.
  const identity = weights.get('identity') ?? 0;
  return CODINGS.filter((coding) => weight(coding) > 0 && weight(coding) >= identity).sort(
    (a, b) => weight(b) - weight(a),
  );
}

/** From 0 to 1 with three digits (RFC 9110, 12.4.2). */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/** An element whose weight cannot be read counts as one that is not wanted. */
function parse(header: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const element of header.split(',')) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim());
    if (!name) continue;
    const weight = parameters.length === 0 ? 1 : Number(WEIGHT.exec(parameters[0] ?? '')?.[1] ?? 0);
    // x-gzip is an old name of it (RFC 9110, 8.4.1.3).
    weights.set(name.toLowerCase().replace(/^x-gzip$/, 'gzip'), weight);
  }
  return weights;
}
