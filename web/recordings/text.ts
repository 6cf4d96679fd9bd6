import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/recordings.json';

export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/recordings.json', '!../text/en/*.json'], { import: 'default' }),
);
