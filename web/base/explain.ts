import type { PharosClientError } from '../lib/errors.ts';
import { t } from './text.ts';

export type Explanation = { title: string; text: string };

/** What went wrong in words for people: what happened, then what to do. */
export function explain(error: PharosClientError): Explanation {
  switch (error.code) {
    case 'connection_lost':
    case 'timeout':
      return { title: t('error.unreachable'), text: t('error.unreachable.do') };
    case 'media_unreachable':
      return { title: t('error.media'), text: t('error.media.do') };
    case 'unsupported_browser':
      return { title: t('error.browser'), text: t('error.browser.do') };
    case 'too_many_requests':
      return { title: t('error.rate'), text: t('error.rate.do') };
    case 'server_closing':
      return { title: t('error.closing'), text: t('error.closing.do') };
    case 'server_full':
      return { title: t('error.full'), text: t('error.full.do') };
    default:
      return {
        title: t('error.other'),
        text: t('error.other.do', { sentence: sentence(error.message) }),
      };
  }
}

/** The server's words, as a sentence of its own. */
export function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
