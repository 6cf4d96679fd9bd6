import type { types } from 'mediasoup';
import type { Config } from '../../config/schema.ts';
import { PharosError } from '../../server/base/errors.ts';
import type { DtlsParameters, TransportParameters } from '../../server/protocol/messages.ts';
import type { MediaWorker } from './pool.ts';

/**
 * A WebRtcTransport on the worker's one port: UDP first, TCP for networks that block UDP.
 * @param consent Whether the other end checks ICE consent (RFC 7675), so that its silence tells: browsers do.
 *   GStreamer with libnice 0.1.21, for one, does not; its end is noticed by its silence.
 */
export function createTransport(
  worker: MediaWorker,
  media: Config['media'],
  consent: boolean,
): Promise<types.WebRtcTransport> {
  return worker.router.createWebRtcTransport({
    webRtcServer: worker.webRtcServer,
    enableUdp: true,
    enableTcp: true,
    preferUdp: true,
    iceConsentTimeout: consent ? media.iceConsentTimeout : 0,
    initialAvailableOutgoingBitrate: media.viewerStartBitrate,
  });
}

/** A WebRtcTransport as clients of publishers and viewers get it, for data instead of media (RFC 8831). */
export function createProbeTransport(
  { router, webRtcServer }: MediaWorker,
  media: Config['media'],
): Promise<types.WebRtcTransport> {
  return router.createWebRtcTransport({
    ...{ webRtcServer, enableUdp: true, enableTcp: true, preferUdp: true, enableSctp: true },
    iceConsentTimeout: media.iceConsentTimeout,
    maxReceiveMessageSize: PROBE_MESSAGE,
  });
}

/** In bytes. */
const PROBE_MESSAGE = 65_536;

export type SctpParameters = { port: number; maxSendMessageSize: number; maxReceiveMessageSize: number };

export function sctpParameters({ sctpParameters: of }: types.WebRtcTransport): SctpParameters {
  if (!of) throw new Error('a transport without SCTP');
  const { port, maxSendMessageSize, maxReceiveMessageSize } = of;
  return { port, maxSendMessageSize, maxReceiveMessageSize };
}

/** Where a process on this machine sends one track as plain RTP. */
export type RtpPort = { address: string; rtpPort: number; rtcpPort: number };

/** Takes RTP and RTCP on loopback from whoever sends first (mediasoup's comedia mode). */
export function createRtpTransport(worker: MediaWorker): Promise<types.PlainTransport> {
  return worker.router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip: '127.0.0.1', recvBufferSize: RTP_RECEIVE_BUFFER },
    rtcpMux: false,
    comedia: true,
  });
}

/** A large key frame comes in one burst. */
const RTP_RECEIVE_BUFFER = 1 << 20;

export function rtpPort({ tuple, rtcpTuple }: types.PlainTransport): RtpPort {
  if (!rtcpTuple) throw new Error('a transport without a port for RTCP');
  return { address: tuple.localAddress, rtpPort: tuple.localPort, rtcpPort: rtcpTuple.localPort };
}

/** New ICE credentials for the transport; its DTLS and all on it go on. */
export async function restartIce(transport: types.WebRtcTransport): Promise<TransportParameters> {
  await transport.restartIce();
  return transportParameters(transport);
}

/** What the other end needs to know of a transport, and nothing that it does not use. */
export function transportParameters(transport: types.WebRtcTransport): TransportParameters {
  const { role, fingerprints } = transport.dtlsParameters;
  return {
    id: transport.id,
    iceParameters: transport.iceParameters,
    iceCandidates: transport.iceCandidates.map(
      ({ foundation, priority, address, protocol, port, type, tcpType }) => ({
        foundation,
        priority,
        address,
        protocol,
        port,
        type,
        tcpType,
      }),
    ),
    dtlsParameters: { role, fingerprints: fingerprints.filter(({ algorithm }) => algorithm === 'sha-256') },
  };
}

/** @throws PharosError `media_failed` if the parameters are unusable; others may be tried then. */
export async function connectTransport(
  transport: types.WebRtcTransport,
  dtlsParameters: DtlsParameters,
): Promise<void> {
  await transport.connect({ dtlsParameters }).catch((error: Error) => {
    throw new PharosError('media_failed', `the DTLS parameters were refused: ${error.message}`, {
      cause: error,
    });
  });
}

export type TransportEnd = 'worker_failed' | 'media_lost';

type TransportWatch = {
  /** How long it may take to be established. */
  setupMs: number;
  /** Without any packet for this long it is over; undefined where ICE consent tells. */
  silenceMs: number | undefined;
  /** ICE and DTLS are through. */
  onConnected: () => void;
  /** Perhaps more than once. */
  onEnd: (reason: TransportEnd) => void;
};

/**
 * Tells by `onEnd` that a transport's media path is over or never came up:
 * no ICE consent (RFC 7675) or silence, DTLS closed or failed, the worker gone, or not
 * established within `setupMs`. Silent when the transport is closed by its owner.
 */
export function watchTransport(
  transport: types.WebRtcTransport,
  { setupMs, silenceMs, onConnected, onEnd }: TransportWatch,
): void {
  const setup = setTimeout(() => onEnd('media_lost'), setupMs);
  transport.observer.once('close', () => clearTimeout(setup));
  transport.once('routerclose', () => onEnd('worker_failed'));
  transport.on('dtlsstatechange', (state) => {
    if (state === 'connected') {
      clearTimeout(setup);
      onConnected();
    }
    if (state === 'failed' || state === 'closed') onEnd('media_lost');
  });
  transport.on('icestatechange', (state) => {
    if (state === 'disconnected') onEnd('media_lost');
  });
  if (silenceMs !== undefined) watchSilence(transport, silenceMs, () => onEnd('media_lost'));
}

/** Tells by `onEnd`, once, when nothing at all has come on the transport for `ms`. */
function watchSilence(transport: types.WebRtcTransport, ms: number, onEnd: () => void): void {
  let bytes = 0;
  let heardAt = performance.now();
  const timer = setInterval(async () => {
    const [stats] = await transport.getStats().catch(() => []);
    if (!stats || transport.closed) return;
    const now = performance.now();
    if (stats.bytesReceived !== bytes) {
      bytes = stats.bytesReceived;
      heardAt = now;
    } else if (now - heardAt >= ms) {
      clearInterval(timer);
      onEnd();
    }
  }, ms / 3);
  transport.observer.once('close', () => clearInterval(timer));
}
