import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/admin.json';

export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/admin.json', '!../text/en/*.json'], { import: 'default' }),
);
