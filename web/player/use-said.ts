import { useEffect, useState } from 'preact/hooks';

const SHOWN_FOR = 1500;

/** A word on what a key has just done, for a moment. */
export function useSaid(): [text: string | undefined, say: (text: string) => void] {
  const [said, setSaid] = useState<{ text: string }>();
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(undefined), SHOWN_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  return [said?.text, (text) => setSaid({ text })];
}
