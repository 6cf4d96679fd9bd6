interface Window {
  /** The page's client, for tests and for people with the console open. */
  pharos?: { getStats(): Promise<RTCStatsReport | undefined> };
}

interface HTMLVideoElement {
  /** Safari on iPhone: only the video itself can fill the screen. */
  webkitEnterFullscreen?(): void;
}
