/** The corpus of SDP offers (`test/fixtures/offers`), and a router as the server makes them. */
import { readdirSync, readFileSync } from 'node:fs';
import { createWorker, type types } from 'mediasoup';
import type { RtpCapabilities, TransportParameters } from '../../server/protocol/messages.ts';
import { wireCapabilities } from '../../server/signaling/capabilities.ts';
import { routerCodecs } from '../../workers/media/codecs.ts';

const FOLDER = new URL('../fixtures/offers/', import.meta.url);

export function offer(name: string): string {
  return readFileSync(new URL(`${name}.sdp`, FOLDER), 'utf8');
}

export function offerNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sdp'))
    .map((file) => file.slice(0, -4));
}

export type TestRouter = {
  router: types.Router;
  /** As routes get them. */
  capabilities: RtpCapabilities;
  transport(): Promise<types.WebRtcTransport>;
  close(): void;
};

/** A real router of a real worker, that carries VP8, three profiles of H.264, and Opus; or those of video. */
export async function createTestRouter(videoCodecs = ['VP8', 'H264']): Promise<TestRouter> {
  const worker = await createWorker({ logLevel: 'error' });
  const mediaCodecs = routerCodecs({ videoCodecs } as Parameters<typeof routerCodecs>[0]);
  const router = await worker.createRouter({ mediaCodecs });
  return {
    router,
    capabilities: wireCapabilities(router.rtpCapabilities),
    transport: () => router.createWebRtcTransport({ listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }] }),
    close: () => worker.close(),
  };
}

/** Where a server with an IPv4, an IPv6 and a named address listens. */
export const TRANSPORT: TransportParameters = {
  id: '7b1e4f0a-0c7e-4b52-9e63-2f1f6a3c9d10',
  iceParameters: { usernameFragment: 'serverufrag', password: 'serverpasswordof22chars', iceLite: true },
  iceCandidates: [
    candidate('udp', '203.0.113.7', 1076302079),
    candidate('tcp', '203.0.113.7', 1076276479),
    candidate('udp', '2001:db8::7', 1076558079),
    candidate('udp', 'media.example.org', 1076000000),
  ],
  dtlsParameters: {
    role: 'auto',
    fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
  },
};

function candidate(protocol: 'udp' | 'tcp', address: string, priority: number) {
  const tcp = protocol === 'tcp' ? ({ tcpType: 'passive' } as const) : {};
  return {
    foundation: `${protocol}candidate`,
    priority,
    address,
    protocol,
    port: 44444,
    type: 'host' as const,
    ...tcp,
  };
}
