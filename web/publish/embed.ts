/** What makes a player of the stream out of a place in anybody's web page. */
export function embedCode(watchLink: string, stream: string): string {
  const address = new URL(`/embed/${stream}`, watchLink).href;
  return `<iframe src="${address}" width="640" height="360" allow="autoplay; fullscreen; picture-in-picture" title="Live stream" style="border: 0"></iframe>`;
}
