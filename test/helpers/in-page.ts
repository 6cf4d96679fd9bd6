/** What tests run in a page, by either driver. Each function goes there as its text: it can use nothing from here. */

declare global {
  interface Window {
    /** The page's client, for tests and for people with the console open. */
    pharos?: {
      getStats(): Promise<RTCStatsReport | undefined>;
      /** On the watch page. */
      prefer?(wish: { video: boolean; spatialLayer?: number | undefined }): void;
    };
  }
}

export type Received = {
  frames: number;
  width: number;
  height: number;
  audioPackets: number;
  audioEnergy: number;
  codec: string;
  /** Of the ICE candidate pair in use. */
  protocol: string;
};

/** What the player has presented and received, from the element and from the peer connection's statistics. */
export async function receivedHere(): Promise<Received> {
  const video = document.querySelector<HTMLVideoElement>('video#player');
  if (!video) throw new Error('no player');
  const stats = await window.pharos?.getStats();
  const found = { audioPackets: 0, audioEnergy: 0, codec: '', protocol: '' };
  for (const report of stats?.values() ?? []) {
    if (report.type === 'candidate-pair' && report.nominated) {
      found.protocol = stats?.get(report.remoteCandidateId)?.protocol ?? '';
    }
    // mediasoup-client's probator is a second, empty video.
    if (report.type !== 'inbound-rtp' || report.mid === 'probator') continue;
    if (report.kind === 'audio') {
      found.audioPackets = report.packetsReceived;
      found.audioEnergy = report.totalAudioEnergy;
    } else {
      found.codec = stats?.get(report.codecId)?.mimeType ?? '';
    }
  }
  return {
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    width: video.videoWidth,
    height: video.videoHeight,
    ...found,
  };
}

/** Resolves when `count` further frames have been presented (HTMLVideoElement.requestVideoFrameCallback). */
export function framesAdvanceHere(wanted: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const video = document.querySelector<HTMLVideoElement>('video#player');
    if (!video) return reject(new Error('no player'));
    const timer = setTimeout(() => reject(new Error('frames do not advance')), 20_000);
    let seen = 0;
    const onFrame = () => {
      seen += 1;
      if (seen < wanted) return video.requestVideoFrameCallback(onFrame);
      clearTimeout(timer);
      resolve();
    };
    video.requestVideoFrameCallback(onFrame);
  });
}
