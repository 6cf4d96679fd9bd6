/** The pages as vite built them. */
import { type RequestHandler, Router } from 'express';
import { precompressed } from './precompressed.ts';

/**
 * `/watch/<id>` is one page for every id: the id is the page's business, so that
 * a mistyped one is explained there, and no path is ever made from it. Hence
 * also no capture: an id that does not decode (`%zz`) is a mistyped one too.
 */
const ROUTES: readonly [RegExp, string][] = [
  [/^\/$/, 'index.html'],
  [/^\/publish\/?$/, 'publish/index.html'],
  [/^\/admin\/?$/, 'admin/index.html'],
  [/^\/recordings\/?$/, 'recordings/index.html'],
  [/^\/api\/docs\/?$/, 'docs/index.html'],
  [/^\/watch(?:\/[^/]*)?\/?$/, 'watch/index.html'],
  [/^\/embed\/[^/]*\/?$/, 'embed/index.html'],
];

/** `<pharos-player>`, for pages of any origin: what it may do there, `http.allowedOrigins` says. */
const COMPONENT = '/pharos-player.js';

/** The names of assets hold a hash of their content; those of other files do not. */
const FOR_GOOD = 'public, max-age=31536000, immutable';
/** Kept, but asked about each time: a new build is seen at the next load. */
const ASKED_ABOUT = 'no-cache';

export function pages(directory: string): Router {
  const router = Router();
  const files = precompressed(directory, ASKED_ABOUT);
  for (const [path, file] of ROUTES) router.get(path, page(files, file));
  router.use('/assets', precompressed(`${directory}/assets`, FOR_GOOD));
  router.use(COMPONENT, (_request, response, next) => {
    response.set({ 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' });
    next();
  });
  router.use(files);
  return router;
}

/** The file is the same for each request: nothing is put into it, so it is compressed beforehand as all are. */
function page(files: RequestHandler, file: string): RequestHandler {
  return (request, response, next) => {
    const { url } = request;
    request.url = `/${file}`;
    files(request, response, (error?: unknown) => {
      request.url = url;
      if (error !== undefined) next(error);
      else response.status(503).set('Cache-Control', ASKED_ABOUT).send(NOT_BUILT);
    });
  };
}

/** A page for what has none of its own; its text is ours or escaped here. */
export function messagePage(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/message.css">
<title>${escaped(title)} – Pharos</title>
<h1>${escaped(title)}</h1>
<p>${escaped(text)}</p>
<p><a href="/">To the start page</a></p>
</html>
`;
}

const NOT_BUILT = messagePage(
  'The pages are not built',
  'The server is up, but its pages are missing. "npm start" builds them; with "npm run dev", use the address that vite prints.',
);

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
