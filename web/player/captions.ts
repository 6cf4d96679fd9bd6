/** Shows, or hides, the captions. Undefined: there are none. */
export function toggleCaptions(video: HTMLVideoElement): 'on' | 'off' | undefined {
  const tracks = [...video.textTracks].filter(({ kind }) => kind === 'captions' || kind === 'subtitles');
  const [first] = tracks;
  if (!first) return undefined;
  const on = tracks.some(({ mode }) => mode === 'showing');
  for (const track of tracks) track.mode = 'hidden';
  if (!on) first.mode = 'showing';
  return on ? 'off' : 'on';
}
