import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/home.json';

export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/home.json', '!../text/en/*.json'], { import: 'default' }),
);
