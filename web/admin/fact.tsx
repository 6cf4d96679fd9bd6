import type { ComponentChildren } from 'preact';
import { NONE } from './format.ts';

/** One of a list of facts: what it is, and what it is now. */
export function Fact({
  name,
  wide = false,
  children,
}: {
  name: string;
  wide?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class={wide ? 'wide' : undefined}>
      <dt>{name}</dt>
      <dd>{children ?? NONE}</dd>
    </div>
  );
}
