/** One key frame out of a live stream, as it was encoded. */
import type { types } from 'mediasoup';
import { spatialLayersOf } from '../media/codecs.ts';
import { createFrameReader, type FrameReader, isVideo, type VideoFormat } from './record/frames.ts';
import { ReorderBuffer } from './record/reorder.ts';
import { parseRtp, type RtpPacket } from './record/rtp.ts';
import { recorderCapabilities, rotationId } from './record/tap.ts';

export type KeyFrame = { data: Buffer; format: VideoFormat };

type Source = {
  /** The producer's own. */
  router: types.Router;
  /** Of video. */
  producer: types.Producer;
  signal: AbortSignal;
};

const POLL_MS = 100;
/** Until it is asked for again: the request, or the answer, may have been lost. */
const PATIENCE_MS = 1000;

/** Whether this codec's frames can be told apart here. */
export function hasKeyFrames({ kind, rtpParameters }: types.Producer): boolean {
  return kind === 'video' && codecOf(rtpParameters.codecs[0]?.mimeType) !== undefined;
}

/**
 * The next key frame, which is asked for as for any viewer who joins: requests of others about the same
 * time and this one are one. Of several sizes it is that of a middle one.
 * @throws the signal's reason when it is aborted; Error if the producer ends.
 */
export async function nextKeyFrame({ router, producer, signal }: Source): Promise<KeyFrame> {
  signal.throwIfAborted();
  // Packets come over the worker's own channel, without a socket; of reports it has none, nor needs any.
  const transport = await router.createDirectTransport();
  try {
    signal.throwIfAborted();
    const consumer = await transport.consume({
      producerId: producer.id,
      rtpCapabilities: recorderCapabilities(router.rtpCapabilities),
      preferredLayers: { spatialLayer: middleLayer(producer) },
      paused: true,
    });
    return await read(consumer, readerOf(producer), signal);
  } finally {
    transport.close();
  }
}

function read(consumer: types.Consumer, reader: FrameReader, signal: AbortSignal): Promise<KeyFrame> {
  const buffer = new ReorderBuffer<RtpPacket>();
  const rotation = rotationId(consumer);
  let timer: NodeJS.Timeout | undefined;
  const frame = new Promise<KeyFrame>((resolve, reject) => {
    const take = (ordered: ReturnType<typeof buffer.push>) => {
      for (const each of ordered) {
        for (const { data, key, format } of reader.push(each)) {
          if (key && format && isVideo(format)) resolve({ data, format });
        }
      }
    };
    let askedAt = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      take(buffer.expire(now));
      if (now - askedAt < PATIENCE_MS) return;
      askedAt = now;
      consumer.requestKeyFrame().catch(reject);
    }, POLL_MS);
    consumer.on('rtp', (data) => {
      const packet = parseRtp(data, rotation);
      if (packet) take(buffer.push(packet, performance.now()));
    });
    consumer.once('producerclose', () => reject(new Error('the stream has ended')));
    consumer.once('transportclose', () => reject(new Error('the media worker has ended')));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    consumer.resume().catch(reject);
  });
  return frame.finally(() => clearInterval(timer));
}

function readerOf({ rtpParameters: { codecs } }: types.Producer): FrameReader {
  const [codec] = codecs;
  const name = codecOf(codec?.mimeType);
  if (!name) throw new Error(`${codec?.mimeType} has no key frames that are known here`);
  const parameterSets = codec?.parameters?.['sprop-parameter-sets'];
  return createFrameReader(name, 0, typeof parameterSets === 'string' ? parameterSets : undefined);
}

function codecOf(mimeType = ''): VideoFormat['codec'] | undefined {
  const name = mimeType.split('/')[1]?.toUpperCase();
  return (['H264', 'VP8', 'VP9', 'AV1'] as const).find((codec) => codec === name);
}

/** Of 320, 640 and 1280 pixels that of 640; of two the smaller one. They are streams, or layers of one (SVC). */
function middleLayer({ rtpParameters }: types.Producer): number {
  const streams = rtpParameters.encodings?.length ?? 0;
  return Math.floor((Math.max(spatialLayersOf(rtpParameters), streams) - 1) / 2);
}
