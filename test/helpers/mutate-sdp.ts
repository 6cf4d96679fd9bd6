/** Mutations of SDP for fuzzing, reproducible by their seed. */
import type { Random } from './mutate.ts';

/** What may stand where a number, a word or a list does. */
const STRANGE = [
  '',
  '0',
  '-1',
  '15',
  '128',
  '65536',
  '4294967296',
  '1e308',
  'NaN',
  '~',
  ';',
  ',',
  '*',
  '=',
  ' ',
  '__proto__',
  'constructor=1',
  '\u0000',
  '\u2028',
  '\ud800',
  '💥',
  'x'.repeat(300),
  '9'.repeat(40),
  '%d %s %v',
  'send',
  'recv',
  'BUNDLE',
  'rtx/90000',
  'H264/90000',
  'VP8/90000',
  'opus/48000/2',
  'profile-level-id=f4001f',
];

const LINES = [
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'm=audio 0 UDP/TLS/RTP/SAVPF 111',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'm=',
  'a=mid:0',
  'a=group:BUNDLE 0 1 2',
  'a=bundle-only',
  'a=inactive',
  'a=sendrecv',
  'a=setup:holdconn',
  'a=ice-lite',
  'a=rid:a send',
  'a=simulcast:send a;b,c;~d recv e',
  'a=ssrc-group:FID 1 1',
  'a=ssrc-group:SIM 1 2 3',
  'a=fmtp:96 apt=96',
  'a=fmtp:96 __proto__=1;constructor=2',
  'a=rtpmap:96 rtx/90000',
  'a=rtcp-fb:* nack',
  'a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid',
  'a=extmap:16/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=fingerprint:sha-256 00',
  '',
];

/** The offer with one to six things changed: lines left out, repeated, moved, strange, or some characters. */
export function mutateSdp(sdp: string, random: Random): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const lines = sdp.split(/\r?\n/);
  const changes = 1 + Math.floor(random() ** 2 * 6);
  for (let i = 0; i < changes; i++) changeLine(lines, random, pick);
  const text = lines.join(random() < 0.8 ? '\r\n' : '\n');
  return random() < 0.1 ? cut(text, random, pick) : text;
}

function changeLine(lines: string[], random: Random, pick: <T>(items: readonly T[]) => T): void {
  const at = Math.floor(random() * lines.length);
  const line = lines[at] ?? '';
  const action = random();
  if (action < 0.15) lines.splice(at, 1);
  else if (action < 0.25) lines.splice(Math.floor(random() * lines.length), 0, line);
  else if (action < 0.35) lines.splice(at, 0, pick(LINES));
  else if (action < 0.45) lines.push(...lines.splice(at, 1));
  else lines[at] = changeWord(line, random, pick);
}

/** Another value for one of the words between blanks, colons, slashes, semicolons and equal signs. */
function changeWord(line: string, random: Random, pick: <T>(items: readonly T[]) => T): string {
  const words = line.split(/([ :/;=])/);
  const at = Math.floor(random() * words.length);
  const number = Number(words[at]);
  words[at] =
    Number.isInteger(number) && words[at] !== '' && random() < 0.5
      ? String(number + pick([-1, 1, 100]))
      : pick(STRANGE);
  return words.join('');
}

function cut(text: string, random: Random, pick: <T>(items: readonly T[]) => T): string {
  const at = Math.floor(random() * text.length);
  return random() < 0.5
    ? text.slice(0, at)
    : text.slice(0, at) + pick(STRANGE) + text.slice(at + Math.floor(random() * 8));
}
