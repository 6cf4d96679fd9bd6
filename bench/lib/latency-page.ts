/**
 * What runs in the pages of bench/latency.ts: a camera whose picture shows the time, and its reading.
 * Each function is sent to the browser as it is, so none may use anything around it.
 */

/** Makes the page's camera a canvas that shows, by black and white blocks at its top, when it was drawn. */
export function installCamera(): void {
  const BITS = 24;
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: 1280, height: 720 });
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const block = canvas.width / BITS;
  const draw = () => {
    const time = Math.round(performance.timeOrigin + performance.now()) % 2 ** 20;
    // Below the time, that its reader can tell it from what is no time: the sum of its digits.
    const sum = [0, 4, 8, 12, 16].reduce((total, shift) => total + ((time >> shift) & 15), 0) & 15;
    const shown = time * 16 + sum;
    // Something that moves, for the encoder.
    context.fillStyle = `hsl(${(time / 50) % 360} 60% 50%)`;
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (let index = 0; index < 40; index++) {
      context.fillStyle = `hsl(${index * 9} 80% 40%)`;
      const phase = time / 900 + index;
      context.fillRect(600 + 560 * Math.sin(phase), 380 + 260 * Math.cos(phase * 0.7), 70, 70);
    }
    for (let bit = 0; bit < BITS; bit++) {
      context.fillStyle = (shown >> bit) & 1 ? '#fff' : '#000';
      context.fillRect(bit * block, 0, Math.ceil(block), 80);
    }
  };
  const media = navigator.mediaDevices;
  const real = media.getUserMedia.bind(media);
  media.getUserMedia = async (constraints) => {
    const { audio, video } = constraints ?? {};
    const tracks = audio ? (await real({ audio })).getAudioTracks() : [];
    if (!video) return new MediaStream(tracks);
    draw();
    setInterval(draw, 1000 / 30);
    return new MediaStream([...tracks, ...canvas.captureStream(30).getVideoTracks()]);
  };
}

/** Resolves with the age in ms of each picture shown within so many seconds, by the clock that both pages share. */
export async function readAges(seconds: number): Promise<number[]> {
  const BITS = 24;
  const video = document.querySelector('video') as HTMLVideoElement;
  const canvas = new OffscreenCanvas(BITS * 4, 4);
  const context = canvas.getContext('2d', { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  /** One that is later may draw the next picture already. */
  const LATE = 30;
  const ages: number[] = [];
  const end = performance.now() + seconds * 1000;
  return new Promise((resolve) => {
    const onFrame = (_now: number, { expectedDisplayTime, presentationTime }: VideoFrameCallbackMetadata) => {
      if (performance.now() > end) return resolve(ages);
      video.requestVideoFrameCallback(onFrame);
      const { videoWidth, videoHeight } = video;
      context.drawImage(video, 0, 0, videoWidth, videoHeight / 9, 0, 0, canvas.width, canvas.height);
      if (performance.now() - presentationTime > LATE) return;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let shown = 0;
      for (let bit = 0; bit < BITS; bit++) {
        if ((data[(canvas.width + bit * 4 + 2) * 4] ?? 0) > 127) shown += 2 ** bit;
      }
      const time = Math.floor(shown / 16);
      const sum = [0, 4, 8, 12, 16].reduce((total, shift) => total + ((time >> shift) & 15), 0) & 15;
      if (sum !== shown % 16) return;
      const displayed = (performance.timeOrigin + expectedDisplayTime) % 2 ** 20;
      ages.push((displayed - time + 2 ** 20) % 2 ** 20);
    };
    video.requestVideoFrameCallback(onFrame);
  });
}

/** By WHIP or WHEP at the bare server. */
export async function joinBare(endpoint: string): Promise<void> {
  const connection = new RTCPeerConnection();
  if (endpoint.includes('/whip/')) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) connection.addTrack(track, stream);
  } else {
    const video = document.body.appendChild(document.createElement('video'));
    const received = new MediaStream();
    Object.assign(video, { muted: true, autoplay: true, srcObject: received });
    connection.ontrack = ({ track }) => received.addTrack(track);
    for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' });
  }
  const { sdp = '' } = await connection.createOffer();
  // mediasoup's routers have numbers of their own for header extensions: a player that knows none is not misled.
  const offer = endpoint.includes('/whep/') ? sdp.replaceAll(/^a=extmap:.*\r\n/gm, '') : sdp;
  await connection.setLocalDescription({ type: 'offer', sdp: offer });
  while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  const body = connection.localDescription?.sdp ?? '';
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp' },
    body,
  });
  if (!response.ok) throw new Error(await response.text());
  const answer = await response.text();
  // The encoder as Pharos's publish page has it: 720p from the start.
  const start = 'a=fmtp:$1 x-google-start-bitrate=2500';
  const started = answer.replace(/^a=rtpmap:(\d+) VP8.*\r\n/m, `$&${start}\r\n`);
  await connection.setRemoteDescription({
    type: 'answer',
    sdp: endpoint.includes('/whip/') ? started : answer,
  });
  for (const sender of connection.getSenders()) {
    if (sender.track?.kind !== 'video') continue;
    sender.track.contentHint = 'motion';
    const parameters = sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    for (const encoding of parameters.encodings) encoding.maxBitrate = 2_800_000;
    await sender.setParameters(parameters);
  }
  Object.assign(window, { connection });
}

/** Within one page, without any server. */
export async function joinItself(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const video = document.body.appendChild(document.createElement('video'));
  const received = new MediaStream();
  Object.assign(video, { muted: true, autoplay: true, srcObject: received });
  const [sender, receiver] = [new RTCPeerConnection(), new RTCPeerConnection()];
  sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate ?? undefined);
  receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate ?? undefined);
  receiver.ontrack = ({ track }) => received.addTrack(track);
  for (const track of stream.getTracks()) sender.addTrack(track, stream);
  await sender.setLocalDescription();
  await receiver.setRemoteDescription(sender.localDescription as RTCSessionDescription);
  await receiver.setLocalDescription();
  await sender.setRemoteDescription(receiver.localDescription as RTCSessionDescription);
  Object.assign(window, { connections: [sender, receiver] });
}
