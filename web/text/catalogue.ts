/**
 * Every word that a page shows lies in `web/text/<language>/<part>.json`: a language is added by adding a
 * folder, and what it lacks is shown in English. A value holds `{names}` of what is put in its place; of
 * a pair `…_one` and `…_other` the one that fits `{count}` is taken (Intl.PluralRules).
 */

type Texts = Record<string, string>;
type Values = Record<string, string | number>;
type Stem<K> = K extends `${infer S}_one` | `${infer S}_other` ? S : K;

/** As vite's `import.meta.glob` with `import: 'default'` gives it. */
type Others = Record<string, () => Promise<unknown>>;

export type Catalogue<T extends Texts> = {
  /** The text of this key, in the language of the page. */
  t(key: Stem<keyof T & string>, values?: Values): string;
  /**
   * Fetches the page's language, and tells the document, or what else shows the texts; at once where that is
   * English. Whatever was shown before stays English.
   */
  load(shownBy?: { lang: string }): Promise<void>;
};

export function catalogue<T extends Texts>(
  english: T,
  others: Others,
  wanted: readonly string[] = languages(),
): Catalogue<T> {
  let texts: Texts = english;
  let language = 'en';
  return {
    t(key, values = {}) {
      const found = texts[pluralKey(texts, key, values, language)] ?? english[key];
      return fill(found ?? english[pluralKey(english, key, values, 'en')] ?? key, values);
    },
    async load(shownBy) {
      const match = bestOf(wanted, others);
      if (!match) return;
      const loaded = await match.load().catch(() => undefined);
      if (!isTexts(loaded)) return;
      texts = { ...english, ...loaded };
      language = match.language;
      (shownBy ?? document.documentElement).lang = language;
    },
  };
}

function pluralKey(texts: Texts, key: string, { count }: Values, language: string): string {
  if (key in texts || typeof count !== 'number') return key;
  const exact = `${key}_${new Intl.PluralRules(language).select(count)}`;
  return exact in texts ? exact : `${key}_other`;
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** `?lang=de` first, then what the browser asks for. */
function languages(): readonly string[] {
  const asked = new URLSearchParams(globalThis.location?.search).get('lang');
  return [...(asked ? [asked] : []), ...(globalThis.navigator?.languages ?? [])];
}

function bestOf(wanted: readonly string[], others: Others) {
  for (const tag of wanted) {
    const [language = ''] = tag.toLowerCase().split('-');
    if (language === 'en') return undefined;
    for (const [path, load] of Object.entries(others)) {
      if (path.toLowerCase().split('/').at(-2) === language) return { language, load };
    }
  }
  return undefined;
}

function isTexts(value: unknown): value is Texts {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}
