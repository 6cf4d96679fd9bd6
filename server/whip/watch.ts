import { PharosError } from '../base/errors.ts';
import type { Joins } from '../metrics/joins.ts';
import type { Media, RtpCapabilities } from '../protocol/messages.ts';
import type { Held } from '../streams/context.ts';
import type { Registry } from '../streams/registry.ts';
import type { Viewer } from '../streams/viewer.ts';
import { restartFragment } from './sdp-fragment.ts';
import { readWatchOffer, watchAnswer } from './sdp-watch.ts';
import type { Exchange } from './sessions.ts';

type Options = {
  registry: Registry;
  joins: Joins;
  rtpCapabilities: RtpCapabilities;
  streamId: string;
  offer: string;
  /** By what this client watches. */
  by: Held;
  /** How long to wait for the stream if it is not live. */
  waitMs: number;
  /** Aborted when the client hangs up. */
  signal: AbortSignal;
  onEnd: () => void;
};

const JOIN = { kind: 'watch', protocol: 'whep' } as const;

/**
 * A WHEP player's POST: its offer becomes a Viewer; media flows as soon as its DTLS is up.
 * WHEP cannot tell of a new publisher, so the session ends with the present one, and the player asks anew.
 * @throws PharosError `stream_not_found` if the stream is not live within `waitMs`, and what
 *   `registry.watch` throws.
 */
export async function startWatching(options: Options): Promise<Exchange> {
  const { registry, joins, rtpCapabilities, streamId, by, onEnd } = options;
  let askedAt = performance.now();
  const offer = readWatchOffer(options.offer, rtpCapabilities);
  const { viewer, media: ready } = await registry.watch(streamId, {
    rtpCapabilities: offer.rtpCapabilities,
    wire: offer.wire,
    mids: offer.mids,
    mayWait: options.waitMs > 0,
    who: by.who,
    onGrantEnd: by.onGrantEnd,
  });
  try {
    const media = ready ?? (await live(viewer, options));
    if (!ready) askedAt = performance.now();
    joins.accepted(JOIN);
    viewer.once('connected', () => joins.connected(JOIN, performance.now() - askedAt));
    const over = () => {
      viewer.close();
      onEnd();
    };
    viewer.on('away', over);
    viewer.on('ended', over);
    await viewer.connect(offer.dtls);
    return {
      answer: watchAnswer(offer, media),
      ice: offer.ice,
      restartIce: async () => restartFragment(offer, await viewer.restartIce()),
      stop: over,
    };
  } catch (error) {
    viewer.close();
    throw error;
  }
}

/** Waits for the stream to go live. */
function live(viewer: Viewer, { waitMs, signal }: Options): Promise<Media> {
  return new Promise((resolve, reject) => {
    const notLive = () => reject(new PharosError('stream_not_found', 'this stream is not live'));
    const timer = setTimeout(notLive, waitMs);
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', notLive);
      viewer.removeAllListeners();
    };
    viewer.once('live', (media) => {
      settle();
      resolve(media);
    });
    // It may end while it is set up, and wait on.
    viewer.on('ended', (_reason, waiting) => {
      if (!waiting) notLive();
    });
    signal.addEventListener('abort', notLive);
  });
}
