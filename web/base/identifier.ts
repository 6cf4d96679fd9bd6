import { STREAM_ID_PATTERN } from '../../server/protocol/codes.ts';
import { t } from './text.ts';

/** What an identifier may be, as a sentence. */
export const identifierRule = (): string => t('identifier.rule');

export function isIdentifier(text: string): boolean {
  return STREAM_ID_PATTERN.test(text);
}

/** What people paste: an identifier, or a whole watch link. */
export function identifierIn(text: string): string | undefined {
  const trimmed = text.trim();
  const fromLink = /\/watch\/([^/?#]+)\/?(?:[?#].*)?$/.exec(trimmed)?.[1];
  const identifier = fromLink ?? trimmed;
  return isIdentifier(identifier) ? identifier : undefined;
}

/** The identifier in the address of a watch page; '' if there is none, undefined if it cannot be one. */
export function identifierOfPath(pathname: string): string | undefined {
  const part = pathname.replace(/^\/watch\/?/, '').replace(/\/$/, '');
  // A character that needs decoding is none that an identifier may have.
  return part === '' || isIdentifier(part) ? part : undefined;
}

export function watchPath(identifier: string): string {
  return `/watch/${identifier}`;
}

/** With what a private stream may be watched by. */
export function watchLink(identifier: string, key: string | undefined): string {
  return watchPath(identifier) + (key ? `#${new URLSearchParams({ key })}` : '');
}
