import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/docs.json';

export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/docs.json', '!../text/en/*.json'], { import: 'default' }),
);
