/**
 * What is wrong, and on whose side, from both ends' statistics. Pure: codes only, the words are the pages'.
 * A finding is told when it has been there for most of the last looks, and taken back when it was in none
 * of them, so that nothing flickers.
 */
import type { EventOf, Source } from '../../server/protocol/messages.ts';
import type { ReceivingStats } from './receiving-stats.ts';
import type { SendingStats } from './sending-stats.ts';

/** What troubles a viewer, the one that explains most. */
export type ViewerDiagnosis =
  | 'ok'
  /** Its device cannot decode so large a picture as fast as it comes; the library asks for a smaller one. */
  | 'slow_decoder'
  /** The publisher's connection carries too little, or loses packets. */
  | 'weak_upload'
  /** The publisher's computer cannot encode fast enough. */
  | 'publisher_cpu'
  /** Media goes by TCP, or by way of a TURN server, although the server offers UDP. */
  | 'udp_blocked'
  /** The viewer's connection carries too little, or loses packets. */
  | 'weak_downlink';

export type HealthLight = 'green' | 'amber' | 'red';
/** Why a publisher's light is what it is, the worst that there is. */
export type HealthReason =
  /** Green. */
  | 'ok'
  /** Red: the connection is lost, and tried for again. */
  | 'reconnecting'
  /** Red: it failed; nothing is sent any more. */
  | 'failed'
  /** Red: media does not get through. */
  | 'media_blocked'
  /** Red: live, but nothing is sent. */
  | 'nothing_sent'
  /** Red at once with much, amber with some: packets are lost on the way to the server. */
  | 'loss'
  /** Red if hardly anything moves, else amber: the computer cannot encode fast enough. */
  | 'cpu'
  /** Red if hardly anything moves, else amber: the connection carries less than is wished for. */
  | 'bandwidth'
  /** Amber: not live yet. */
  | 'connecting'
  /** Amber: media goes on, but the server cannot be asked; another connection is tried for. */
  | 'interrupted'
  /** Amber: the server refuses newcomers. */
  | 'server_overloaded'
  /** Amber: the pictures of many viewers stood still in the last minute. */
  | 'viewers_frozen'
  /** Amber: the way to the server and back takes long. */
  | 'slow_path'
  /** Amber: media goes by TCP although the server offers UDP. */
  | 'udp_blocked';

export type Health = { readonly light: HealthLight; readonly reason: HealthReason };

export type ViewerObservation = {
  stats: ReceivingStats;
  source: Source | undefined;
  /** Undefined where the stream has one size only. */
  layers: { scales: readonly number[]; current: number | null } | undefined;
  /** The best layer that was asked for; undefined: whichever there is. */
  wished: number | undefined;
  /** Whether a picture was asked for. */
  video: boolean;
  /** Whether media could go by UDP, as far as server and settings are concerned. */
  udpOffered: boolean;
};

/** So much is trouble: share of packets, share of the time, frames per second. */
const VIEWER = { lost: 0.03, frozen: 0.15, frameRate: 12 };

/** What one look finds. */
export function findTrouble(look: ViewerObservation, elapsed: number): ViewerDiagnosis {
  const { stats, source, layers, wished, video, udpOffered } = look;
  if (video && stats.slowDecoder) return 'slow_decoder';
  const stands = video && stats.frozen > VIEWER.frozen * elapsed;
  const stutters = stands || (video && stats.width > 0 && stats.frameRate < VIEWER.frameRate);
  const best = layers && Math.min(wished ?? Number.POSITIVE_INFINITY, layers.scales.length - 1);
  const shrunk = video && layers !== undefined && best !== undefined && (layers.current ?? -1) < best;
  // Layers that the publisher cannot send are missed by all.
  const poor = stutters || shrunk;
  if (source?.weak) return 'weak_upload';
  if (source?.limitation === 'bandwidth' && poor) return 'weak_upload';
  if (source?.limitation === 'cpu' && poor) return 'publisher_cpu';
  if (udpOffered && stats.path !== 'udp') return 'udp_blocked';
  if (stats.lost > VIEWER.lost || shrunk || stands) return 'weak_downlink';
  return 'ok';
}

export type PublisherObservation = {
  state: 'idle' | 'connecting' | 'live' | 'reconnecting' | 'ended' | 'failed';
  /** Media does not get through. */
  trouble: boolean;
  /** The connection to the server is lost, and another is tried for. */
  interrupted: boolean;
  /** Undefined until there are two looks at it. */
  stats: SendingStats | undefined;
  audience: Omit<EventOf<'audience'>, 'type'> | undefined;
  /** Whether there is a picture to be sent. */
  video: boolean;
  udpOffered: boolean;
};

/** So much is trouble: share of packets, frames per second, ms, and share of at least so many viewers. */
const PUBLISHER = {
  lost: { amber: 0.02, red: 0.1 },
  frameRate: { red: 8 },
  roundTrip: 400,
  frozen: { share: 0.2, viewers: 2 },
};

/** How a publisher does at one look; undefined while it does not publish. */
export function health(look: PublisherObservation): Health | undefined {
  const { state, trouble, interrupted, stats } = look;
  switch (state) {
    case 'idle':
    case 'ended':
      return undefined;
    case 'connecting':
      return trouble ? red('media_blocked') : amber('connecting');
    case 'reconnecting':
      return red('reconnecting');
    case 'failed':
      return red('failed');
    case 'live':
      if (trouble) return red('media_blocked');
      return (stats && sendingHealth(look, stats)) ?? (interrupted ? amber('interrupted') : around(look));
  }
}

function sendingHealth({ video }: PublisherObservation, stats: SendingStats): Health | undefined {
  if (stats.bitrate === 0) return red('nothing_sent');
  if (stats.lost > PUBLISHER.lost.red) return red('loss');
  const still = video && stats.frameRate < PUBLISHER.frameRate.red;
  const { limitation } = stats;
  if (limitation === 'cpu' || limitation === 'bandwidth') return still ? red(limitation) : amber(limitation);
  if (stats.lost > PUBLISHER.lost.amber) return amber('loss');
  return undefined;
}

/** What lies less in the publisher's hands. */
function around({ stats, audience, udpOffered }: PublisherObservation): Health {
  if (audience?.overloaded) return amber('server_overloaded');
  const { reporting = 0, frozen = 0 } = audience ?? {};
  if (reporting >= PUBLISHER.frozen.viewers && frozen / reporting > PUBLISHER.frozen.share) {
    return amber('viewers_frozen');
  }
  if (stats && stats.roundTrip > PUBLISHER.roundTrip) return amber('slow_path');
  if (stats?.path === 'tcp' && udpOffered) return amber('udp_blocked');
  return GREEN;
}

const GREEN: Health = { light: 'green', reason: 'ok' };
/** One and the same object for what is the same. */
const made = new Map<string, Health>();

const amber = (reason: HealthReason) => make('amber', reason);
const red = (reason: HealthReason) => make('red', reason);

function make(light: HealthLight, reason: HealthReason): Health {
  const key = `${light} ${reason}`;
  const known = made.get(key) ?? { light, reason };
  made.set(key, known);
  return known;
}

/** So many of the last looks decide. */
const LOOKS = { kept: 5, told: 3 };

/** Lets a finding through when most of the last looks had it, and all is well when none had any. */
export class Steady<Finding> {
  readonly #well: Finding;
  #told: Finding;
  #last: Finding[] = [];

  /** @param well What is found when all is well. */
  constructor(well: Finding) {
    this.#well = well;
    this.#told = well;
  }

  get told(): Finding {
    return this.#told;
  }

  look(found: Finding): Finding {
    this.#last = [...this.#last, found].slice(-LOOKS.kept);
    const count = this.#last.filter((each) => each === found).length;
    if (count >= (found === this.#well ? LOOKS.kept : LOOKS.told)) this.#told = found;
    return this.#told;
  }

  /** What was seen so far is of no interest any more. */
  reset(): void {
    this.#last = [];
    this.#told = this.#well;
  }
}

/** Known for certain, and told at once. */
const AT_ONCE: ReadonlySet<HealthReason> = new Set([
  'connecting',
  'reconnecting',
  'failed',
  'media_blocked',
  'interrupted',
]);

/** A publisher's health without flicker. */
export class SteadyHealth {
  readonly #steady = new Steady(GREEN);

  /** With new statistics. */
  look(observation: PublisherObservation): Health | undefined {
    const found = this.#atOnce(observation);
    return found && !AT_ONCE.has(found.reason) ? this.#steady.look(found) : found;
  }

  /** With those of the last look. */
  now(observation: PublisherObservation): Health | undefined {
    const found = this.#atOnce(observation);
    return found && !AT_ONCE.has(found.reason) ? this.#steady.told : found;
  }

  #atOnce(observation: PublisherObservation): Health | undefined {
    const found = health(observation);
    if (!found || AT_ONCE.has(found.reason)) this.#steady.reset();
    return found;
  }
}
