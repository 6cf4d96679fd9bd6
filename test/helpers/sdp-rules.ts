/** Checks an answer against its offer by the rules that hold for any two (RFC 3264, 8285, 8829, 9143). */
import sdpTransform, { type MediaDescription, type SessionDescription } from 'sdp-transform';

/** The last of those repeated counts. */
function formatParameters(config: string): Map<string, string> {
  return new Map(
    config.split(';').map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim()];
    }),
  );
}

/** A sentence for each rule that the answer breaks. */
export function brokenRules(offerText: string, answerText: string): string[] {
  const broken: string[] = [];
  const rule = (holds: boolean, sentence: string) => {
    if (!holds) broken.push(sentence);
  };
  const lines = answerText.split('\r\n');
  rule(lines.at(-1) === '', 'the last line ends in CRLF');
  for (const line of lines.slice(0, -1))
    rule(/^[a-z]=[\x20-\x7e]+$/.test(line), `of SDP: ${JSON.stringify(line)}`);
  rule(
    /^v=0\r\no=- \d+ 1 IN IP4 127\.0\.0\.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n/.test(answerText),
    'starts as it should',
  );

  const offer = sdpTransform.parse(offerText);
  const answer = sdpTransform.parse(answerText);
  rule(offer.media.length === answer.media.length, 'as many m-lines');
  const taken = answer.media.filter(({ port }) => port !== 0);
  bundleRules(offer, answer, taken, rule);
  const mixed = (sdp: SessionDescription) => sdp.extmapAllowMixed !== undefined;
  const mixedOffered =
    mixed(offer) || offer.media.some(({ extmapAllowMixed }) => extmapAllowMixed !== undefined);
  rule(!mixed(answer) || mixedOffered, 'extmap-allow-mixed only if offered');
  rule(
    new Set(taken.map(({ iceUfrag, icePwd }) => `${iceUfrag} ${icePwd}`)).size === 1,
    'one pair of ICE credentials',
  );

  for (const [index, media] of answer.media.entries()) {
    const offered = offer.media[index];
    if (!offered) continue;
    const named = (holds: boolean, sentence: string) => rule(holds, `m-line ${index + 1}: ${sentence}`);
    named(
      String(media.type) === String(offered.type) && media.protocol === offered.protocol,
      'same type and protocol',
    );
    named(String(media.mid) === String(offered.mid), 'same mid');
    if (media.port === 0) rejectedRules(media, offered, named);
    else takenRules(media, offered, offer, named);
    // In a bundle the attributes of the path are those of the tagged m-line (RFC 9143, section 7.1.3).
    if (media.candidates) setupRule(media.setup, offered.setup ?? offer.setup ?? 'actpass', named);
  }
  return broken;
}

type Rule = (holds: boolean, sentence: string) => void;

const list = (value: unknown) =>
  String(value ?? '')
    .split(' ')
    .filter((item) => item !== '');

function bundleRules(
  offer: SessionDescription,
  answer: SessionDescription,
  taken: MediaDescription[],
  rule: Rule,
) {
  const offered =
    offer.groups?.filter(({ type }) => type === 'BUNDLE').flatMap(({ mids }) => list(mids)) ?? [];
  const [group, ...more] = answer.groups ?? [];
  rule(more.length === 0, 'one group');
  if (!group) {
    rule(taken.length === 1, 'one m-line without a group');
    return;
  }
  const mids = list(group.mids);
  rule(
    group.type === 'BUNDLE' && mids.every((mid) => offered.includes(mid)),
    'a subset of the offered BUNDLE group',
  );
  rule(
    JSON.stringify(mids.toSorted()) === JSON.stringify(taken.map(({ mid }) => String(mid)).toSorted()),
    'the BUNDLE group is of the m-lines taken',
  );
  const tagged = taken.filter(({ candidates }) => candidates !== undefined);
  rule(
    tagged.length === 1 && String(tagged[0]?.mid) === mids[0],
    'candidates stand in the tagged m-line only',
  );
}

function rejectedRules(media: MediaDescription, offered: MediaDescription, rule: Rule) {
  const formats = list(media.payloads);
  rule(
    formats.length === 1 && list(offered.payloads).includes(formats[0] ?? ''),
    'one of the formats offered',
  );
  rule(media.candidates === undefined && media.iceUfrag === undefined, 'no path where nothing is carried');
}

const ANSWERS: Record<string, string[]> = {
  sendonly: ['recvonly', 'inactive'],
  recvonly: ['sendonly', 'inactive'],
  sendrecv: ['sendrecv', 'sendonly', 'recvonly', 'inactive'],
  inactive: ['inactive'],
};

function takenRules(
  media: MediaDescription,
  offered: MediaDescription,
  offer: SessionDescription,
  rule: Rule,
) {
  const payloads = list(media.payloads);
  const unbundled = offered.port !== 0 || offered.bundleOnly !== undefined;
  rule(unbundled, 'an m-line of port 0 stays so unless it is bundle-only');
  rule(
    payloads.length > 0 && payloads.every((payload) => list(offered.payloads).includes(payload)),
    'payload types offered',
  );
  const direction = offered.direction ?? offer.direction ?? 'sendrecv';
  rule((ANSWERS[direction] ?? []).includes(media.direction ?? ''), `${media.direction} answers ${direction}`);
  rule(media.fingerprint?.type === 'sha-256', 'a fingerprint by SHA-256');
  rule(media.rtcpMux !== undefined && offered.rtcpMux !== undefined, 'rtcp-mux');
  rule(media.rtcpRsize === undefined || offered.rtcpRsize !== undefined, 'rtcp-rsize only if offered');
  rule(
    (media.candidates === undefined) === (media.endOfCandidates === undefined),
    'end-of-candidates with candidates',
  );
  formatRules(media, offered, rule);

  const extensions = [...(offered.ext ?? []), ...(offer.ext ?? [])].map(
    ({ value, uri }) => `${value} ${uri}`,
  );
  const answered = (media.ext ?? []).map(({ value, uri }) => `${value} ${uri}`);
  rule(
    answered.every((extension) => extensions.includes(extension)),
    'header extensions by the ids offered',
  );
  rule(
    new Set((media.ext ?? []).map(({ value }) => value)).size === answered.length,
    'ids of extensions differ',
  );
  const rids = (media.rids ?? []).map(({ id, direction: way }) => `${id} ${way}`);
  const offeredRids = (offered.rids ?? []).map(
    ({ id, direction: way }) => `${id} ${way === 'send' ? 'recv' : 'send'}`,
  );
  rule(
    rids.every((rid) => offeredRids.includes(rid)),
    'rids offered, the other way',
  );
  const simulcast = rids.map((rid) => rid.split(' ')[0]).join(';');
  rule(String(media.simulcast?.list1 ?? '') === simulcast, 'simulcast of these rids');
}

function setupRule(answer: string | undefined, offered: string, rule: Rule) {
  const allowed =
    offered === 'actpass' ? ['active', 'passive'] : [offered === 'active' ? 'passive' : 'active'];
  rule(allowed.includes(answer ?? ''), `setup:${answer} answers setup:${offered}`);
}

function formatRules(media: MediaDescription, offered: MediaDescription, rule: Rule) {
  const payloads = list(media.payloads);
  const described = ({ rtp }: MediaDescription) =>
    rtp.map(({ payload, codec, rate, encoding }) => `${payload} ${codec}/${rate}/${encoding ?? 1}`);
  rule(
    described(media).every((format) => described(offered).includes(format)),
    'formats as offered',
  );
  rule(media.rtp.length === payloads.length, 'an rtpmap for each payload type');
  const feedback = (description: MediaDescription) =>
    (description.rtcpFb ?? []).map(({ payload, type, subtype }) => `${payload} ${type} ${subtype ?? ''}`);
  const known = feedback(offered);
  rule(
    feedback(media).every((one) => known.includes(one) || known.includes(one.replace(/^\d+/, '*'))),
    'feedback as offered',
  );
  for (const { payload, config } of media.fmtp) {
    rule(payloads.includes(String(payload)), 'fmtp of a payload type answered');
    const apt = /^apt=(\d+)$/.exec(config)?.[1];
    if (apt) rule(payloads.includes(apt), 'apt of a payload type answered');
    for (const name of ['profile-level-id', 'packetization-mode']) {
      const value = (text = '') => formatParameters(text).get(name);
      const original = offered.fmtp.findLast((other) => other.payload === payload)?.config;
      rule(value(config) === undefined || value(config) === value(String(original)), `${name} as offered`);
    }
  }
}
