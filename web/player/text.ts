import { catalogue } from '../text/catalogue.ts';
import english from '../text/en/player.json';

/** What the player shows wherever it is, and the watch page around it; who renders it awaits `load` before. */
export const { t, load } = catalogue(
  english,
  import.meta.glob(['../text/*/player.json', '!../text/en/*.json'], { import: 'default' }),
);
