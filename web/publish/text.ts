import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/publish.json';

export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/publish.json', '!../text/en/*.json'], { import: 'default' }),
);
