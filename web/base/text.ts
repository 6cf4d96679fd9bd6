import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/base.json';

/** What every page shows; each page's main.tsx awaits `load` along with that of its own texts. */
export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/base.json', '!../text/en/*.json'], { import: 'default' }),
);
