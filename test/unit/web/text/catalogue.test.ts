import { describe, expect, test } from 'vitest';
import { catalogue } from '../../../../web/text/catalogue.ts';

const english = {
  start: 'Start',
  watching_one: '{count} viewer',
  watching_other: '{count} viewers',
  who: 'Hello {name}, {name}',
};
const german = { start: 'Anfangen', watching_one: '{count} Zuschauer', watching_other: '{count} Zuschauer' };
const others = { '../text/de/publish.json': async () => german };

test('English needs nothing loaded', () => {
  const { t } = catalogue(english, {}, []);
  expect(t('start')).toBe('Start');
  expect(t('who', { name: 'Ada' })).toBe('Hello Ada, Ada');
  expect(t('who')).toBe('Hello {name}, {name}');
  expect([0, 1, 2].map((count) => t('watching', { count }))).toEqual(['0 viewers', '1 viewer', '2 viewers']);
});

describe('another language', () => {
  test('is taken for a region of it, and shows English where it lacks a text', async () => {
    const shown = { lang: 'en' };
    const { t, load } = catalogue(english, others, ['fr', 'de-AT', 'en']);
    await load(shown);
    expect(shown.lang).toBe('de');
    expect(t('start')).toBe('Anfangen');
    expect(t('who', { name: 'Ada' })).toBe('Hello Ada, Ada');
    expect(t('watching', { count: 1 })).toBe('1 Zuschauer');
  });

  test('is not taken where English is preferred, nor where it cannot be had', async () => {
    const preferred = catalogue(english, others, ['en-GB', 'de']);
    await preferred.load();
    expect(preferred.t('start')).toBe('Start');
    const broken = catalogue(english, { '../text/de/x.json': () => Promise.reject(new Error('404')) }, [
      'de',
    ]);
    await broken.load();
    expect(broken.t('start')).toBe('Start');
  });
});
