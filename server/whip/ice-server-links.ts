import type { IceServer } from '../protocol/messages.ts';

/** STUN and TURN servers as Link header values (RFC 9725, section 4.6). */
export function iceServerLinks(servers: readonly IceServer[]): string[] {
  return servers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const link = `<${encodeURI(url)}>; rel="ice-server"`;
      if (username === undefined || credential === undefined) return link;
      return `${link}; username=${quoted(username)}; credential=${quoted(credential)}; credential-type="password"`;
    }),
  );
}

/** A quoted-string (RFC 9110, section 5.6.4); what a header cannot hold is left out. */
function quoted(text: string): string {
  return `"${text.replace(/[^\t\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
