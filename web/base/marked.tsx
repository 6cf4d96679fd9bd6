/** A text in which `backticks` stand around what people would type. */
export function Marked({ text }: { text: string }) {
  // Every second piece was between two of them.
  return <>{text.split('`').map((piece, index) => (index % 2 === 0 ? piece : <code>{piece}</code>))}</>;
}
