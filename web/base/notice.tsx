import type { ComponentChildren } from 'preact';

type Props = {
  tone?: 'bad' | 'busy';
  title: string;
  children?: ComponentChildren;
};

/** What happened, and what to do; read out at once. */
export function Notice({ tone = 'bad', title, children }: Props) {
  return (
    <div class={`notice ${tone}`} role="alert">
      <strong>{title}</strong>
      {children}
    </div>
  );
}
