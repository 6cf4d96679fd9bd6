/** What the address of the frame says: `/embed/<id>?autoplay=0&muted=1&controls=0&poster=0&origin=…`. */
export type Parameters = {
  /** Whether it begins by itself. */
  autoplay: boolean;
  muted: boolean;
  controls: boolean;
  poster: boolean;
  /** The only origin whose page may drive the player, and hears of it. */
  origin: string | undefined;
};

export function parametersOf(search: string): Parameters {
  const query = new URLSearchParams(search);
  const flag = (name: string, otherwise: boolean) => {
    const value = query.get(name);
    // `?muted` alone says yes, as the attribute of a video element does.
    return value === null ? otherwise : !/^(0|false|no|off)$/i.test(value);
  };
  return {
    autoplay: flag('autoplay', true),
    muted: flag('muted', false),
    controls: flag('controls', true),
    poster: flag('poster', true),
    origin: originIn(query.get('origin')),
  };
}

/** The identifier in the address of an embed page; undefined if there is none, or it cannot be one. */
export function embeddedIdentifier(
  pathname: string,
  isIdentifier: (text: string) => boolean,
): string | undefined {
  const part = /^\/embed\/([^/]+)\/?$/.exec(pathname)?.[1];
  return part !== undefined && isIdentifier(part) ? part : undefined;
}

function originIn(text: string | null): string | undefined {
  if (text === null || !URL.canParse(text)) return undefined;
  const { origin } = new URL(text);
  return origin === 'null' ? undefined : origin;
}
