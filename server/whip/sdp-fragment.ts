/** application/trickle-ice-sdpfrag (RFC 8840, section 9): what a client's ICE has found, and ICE restarts. */
import type { TransportParameters } from '../protocol/messages.ts';
import { candidateLines, credentialLines, text } from './sdp-answer.ts';
import type { Negotiated } from './sdp-negotiation.ts';
import { bad, checkedLines, credentials, type IceCredentials } from './sdp-offer.ts';

export type Fragment = {
  /** Other than those known, they ask for an ICE restart. */
  ice?: IceCredentials | undefined;
  /** How many; what they are is no matter to an ICE-lite server, which learns addresses from checks. */
  candidates: number;
  endOfCandidates: boolean;
};

/** @throws PharosError `bad_request` */
export function readFragment(fragment: string): Fragment {
  const lines = checkedLines(fragment, 'the fragment').filter((line) => line !== '');
  const broken = lines.findIndex((line) => !/^[a-z]=\S/.test(line));
  if (broken >= 0) bad(`line ${broken + 1} of the fragment is not of SDP`);
  if (lines.length === 0) bad('the fragment is empty');
  const values = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`a=${name}:`) ? line.slice(name.length + 3).trim() : []));
  // One path carries all, so where m-lines repeat the credentials they are the same.
  const ice = credentials(values('ice-ufrag')[0], values('ice-pwd')[0], 'the fragment');
  return {
    ice,
    candidates: values('candidate').length,
    endOfCandidates: lines.some((line) => line.trim() === 'a=end-of-candidates'),
  };
}

/** The body of the 200 that answers an ICE restart (RFC 9725, section 4.3.3). */
export function restartFragment(
  { bundle, tagged }: Pick<Negotiated<unknown>, 'bundle' | 'tagged'>,
  transport: TransportParameters,
): string {
  return text([
    ...(bundle ? [`a=group:BUNDLE ${bundle.join(' ')}`] : []),
    'a=ice-lite',
    `m=${tagged.type} 9 ${tagged.protocol} ${tagged.formats[0]}`,
    ...(tagged.mid === undefined ? [] : [`a=mid:${tagged.mid}`]),
    ...credentialLines(transport),
    ...candidateLines(transport),
  ]);
}
