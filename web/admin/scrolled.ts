/**
 * For what scrolls by itself where it is too wide, and holds nothing that takes the focus: so it does itself, and
 * the arrow keys scroll it (WCAG 2.1.1).
 */
export function scrolled(label: string) {
  return { role: 'region', 'aria-label': label, tabIndex: 0 } as const;
}
