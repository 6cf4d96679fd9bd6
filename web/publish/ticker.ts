/** A clock for the page: a worker's timers go on at their pace while the page is hidden. */
addEventListener('message', ({ data }: MessageEvent<number>) => {
  setInterval(() => postMessage(null), data);
});
