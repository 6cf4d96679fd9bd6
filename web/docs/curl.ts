import type { Operation } from './document.ts';

/** The operation as a line for a shell, with the document's examples in it. */
export function curlOf(operation: Operation, origin: string): string {
  const { method, path, parameters, security, requestBody } = operation;
  const parts = ['curl'];
  if (method !== 'get') parts.push('-X', method.toUpperCase());
  // In double quotes: the key stands in a variable, not in the shell's history.
  if (security.some((scheme) => 'bearer' in scheme)) parts.push('-H', '"Authorization: Bearer $KEY"');
  const [type, body] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  if (type) parts.push('-H', quoted(`Content-Type: ${type}`));
  for (const { name, in: place } of parameters)
    if (place === 'header') parts.push('-H', quoted(`${name}: *`));
  if (type === 'application/json') parts.push('-d', quoted(JSON.stringify(body?.example)));
  else if (type) parts.push('--data-binary', '@body.txt');
  const file = Object.values(operation.responses).some(({ content }) =>
    Object.keys(content ?? {}).some((each) => /^image\/|octet-stream/.test(each)),
  );
  if (file) parts.push('-O');
  const filled = path.replace(/\{(\w+)\}/g, (whole, name: string) => {
    return parameters.find((each) => each.name === name)?.example ?? whole;
  });
  const query = parameters.filter(({ in: place, required }) => place === 'query' && required);
  const search = query.length > 0 ? `?${query.map(({ name }) => `${name}=…`).join('&')}` : '';
  return [...parts, search ? quoted(origin + filled + search) : origin + filled].join(' ');
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
