/** Statistics reports in the shape that browsers give them; only what they give. */
import type { Report, Stat } from '../../web/lib/stats.ts';

type Entries = Record<string, Omit<Stat, 'timestamp'>>;

export function report(timestamp: number, entries: Entries): Report {
  return new Map(Object.entries(entries).map(([id, entry]) => [id, { timestamp, ...entry }]));
}

/** ICE as Chromium tells of it. `relay`: by a TURN server, over TCP. */
export function chromiumPath(kind: 'udp' | 'tcp' | 'relay', roundTrip: number): Entries {
  const protocol = kind === 'tcp' ? 'tcp' : 'udp';
  const local = {
    udp: { type: 'local-candidate', candidateType: 'prflx', protocol },
    tcp: { type: 'local-candidate', candidateType: 'prflx', protocol, tcpType: 'active' },
    relay: { type: 'local-candidate', candidateType: 'relay', protocol, relayProtocol: 'tcp' },
  }[kind];
  return {
    T01: { type: 'transport', selectedCandidatePairId: 'CPx' },
    // Another pair that works too, and is not the one.
    CPw: { type: 'candidate-pair', state: 'succeeded', nominated: true, localCandidateId: 'none' },
    CPx: {
      ...{ type: 'candidate-pair', state: 'succeeded', nominated: true },
      ...{ localCandidateId: 'Ix', remoteCandidateId: 'Iy', currentRoundTripTime: roundTrip },
      availableOutgoingBitrate: 1_500_000,
    },
    Ix: local,
    Iy: { type: 'remote-candidate', candidateType: 'host', protocol },
  };
}

/** ICE as Firefox tells of it: the pair is marked, no transport names it, and round trips are RTCP's. */
export function firefoxPath(protocol: 'udp' | 'tcp'): Entries {
  return {
    aaaa: { type: 'candidate-pair', state: 'failed', nominated: false, selected: false },
    bbbb: {
      ...{ type: 'candidate-pair', state: 'succeeded', nominated: true, selected: true },
      ...{ localCandidateId: 'cccc', remoteCandidateId: 'dddd' },
    },
    cccc: { type: 'local-candidate', candidateType: 'host', protocol },
    dddd: { type: 'remote-candidate', candidateType: 'host', protocol },
  };
}
