/** What is compressed once and sent often: files, whose copies the build makes (scripts/setup/compress.mjs), and documents. */
import { extname } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import express, { type RequestHandler, type Response } from 'express';
import { acceptedCodings, type Coding } from './content-coding.ts';

const SUFFIX: Readonly<Record<Coding, string>> = { br: '.br', gzip: '.gz' };

/**
 * `express.static` that sends `<file>.br` or `<file>.gz` to those who take it. What the client asked for is
 * looked up by `express.static` alone, which keeps it inside of the directory; only a suffix is added to it.
 * A request for what is not there goes on to the next handler, with its URL as it was.
 * @param cacheControl Of all forms alike.
 */
export function precompressed(directory: string, cacheControl: string): RequestHandler {
  const files = (setHeaders: (response: Response, path: string, stat: Stat) => void) =>
    express.static(directory, { index: false, redirect: false, cacheControl: false, setHeaders });
  const headers = (response: Response) => response.set('Cache-Control', cacheControl).vary('Accept-Encoding');
  const coded = (coding: Coding) =>
    files((response, path, { size, mtimeMs }) => {
      response.type(extname(path.slice(0, -SUFFIX[coding].length)));
      // Size and time might be those of another form.
      headers(response).set({
        'Content-Encoding': coding,
        ETag: `W/"${hex(size)}-${hex(mtimeMs)}-${coding}"`,
      });
    });
  const forms = { br: coded('br'), gzip: coded('gzip') };
  const plain = files(headers);
  return (request, response, next) => {
    const { url } = request;
    const end = url.includes('?') ? url.indexOf('?') : url.length;
    const [first, ...others] = acceptedCodings(request.headers['accept-encoding']);
    const attempt = (coding: Coding | undefined, rest: readonly Coding[]): void => {
      request.url = coding ? `${url.slice(0, end)}${SUFFIX[coding]}${url.slice(end)}` : url;
      const form = coding ? forms[coding] : plain;
      form(request, response, (error?: unknown) => {
        request.url = url;
        if (error === undefined && coding) return attempt(rest[0], rest.slice(1));
        // An error, e.g. a range that there is none of, is told in other words than the file's.
        if (error !== undefined) for (const name of OF_THE_FILE) response.removeHeader(name);
        next(error);
      });
    };
    attempt(first, others);
  };
}

const OF_THE_FILE = ['Content-Encoding', 'Content-Type', 'ETag', 'Last-Modified'];

type Stat = { size: number; mtimeMs: number };
const hex = (value: number): string => Math.round(value).toString(16);

/** Answers with that value as JSON, which stays as it is: each form is made when it is first asked for. */
export function fixedJson(value: unknown): RequestHandler {
  const text = Buffer.from(JSON.stringify(value));
  const made = new Map<Coding, Buffer>();
  const make = { br: brotliCompressSync, gzip: gzipSync };
  return (request, response) => {
    response.type('json').vary('Accept-Encoding');
    const [coding] = acceptedCodings(request.headers['accept-encoding']);
    if (!coding) return void response.send(text);
    const form = made.get(coding) ?? make[coding](text);
    made.set(coding, form);
    response.set('Content-Encoding', coding).send(form);
  };
}
