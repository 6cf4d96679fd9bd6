/** A viewer of the load, by either protocol: joins, and counts what comes. */
import type { MediaKind } from './rtp.ts';
import { SignalRefusal } from './signal-refusal.ts';
import { ViewerStats } from './viewer-stats.ts';
import { WhepClient } from './whep-client.ts';
import { WsViewer } from './ws-viewer.ts';

export type LoadViewer = {
  readonly stats: ViewerStats;
  /** Why it watches no longer, if that is no doing of ours. */
  readonly ended: string | undefined;
  close(): Promise<void>;
};

export type JoinOptions = {
  url: URL;
  stream: string;
  by: 'whep' | 'ws';
  /** Aborted: all is to end, and what ends is no news. */
  signal: AbortSignal;
};

/**
 * Resolves when ICE and DTLS are through. A join under way is not cut off: the server
 * would keep a viewer that nobody knows how to delete.
 */
export function join(options: JoinOptions): Promise<LoadViewer> {
  return options.by === 'ws' ? joinByWs(options) : joinByWhep(options);
}

async function joinByWhep({ url, stream, signal }: JoinOptions): Promise<LoadViewer> {
  const seen = watching(signal);
  const client = new WhepClient({
    url: new URL(`whep/${stream}`, url),
    onPacket: seen.onPacket,
    onLost: (reason) => seen.end(`the connection is ${reason}`),
  });
  await client.connect();
  return seen.viewer(() => client.close());
}

async function joinByWs({ url, stream, signal }: JoinOptions): Promise<LoadViewer> {
  const seen = watching(signal);
  const socketUrl = new URL('ws', url);
  socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const viewer = new WsViewer({
    url: socketUrl,
    stream,
    onPacket: seen.onPacket,
    onEnded: (reason) => seen.end(reason),
  });
  if ((await viewer.open()) === 'live') return seen.viewer(() => viewer.close());
  await viewer.close();
  throw new SignalRefusal({ code: 'stream_not_found', message: `"${stream}" is not live` });
}

function watching(signal: AbortSignal) {
  const stats = new ViewerStats();
  let ended: string | undefined;
  return {
    onPacket: (kind: MediaKind, packet: Buffer) => stats.add(kind, packet, performance.now()),
    end: (reason: string) => {
      if (!signal.aborted) ended ??= reason;
    },
    viewer: (close: () => Promise<void>): LoadViewer => ({
      stats,
      get ended() {
        return ended;
      },
      close,
    }),
  };
}
