import type { EndReason } from '../../server/protocol/codes.ts';
import type { Event, EventOf, Media, Notice } from '../../server/protocol/messages.ts';
import type { Attempt } from './attempt.ts';
import type { Conversation } from './conversation.ts';
import { toClientError } from './errors.ts';
import type { LayerChoice } from './layers.ts';
import { Leg } from './leg.ts';
import type { Connecting, Link } from './link.ts';
import { Receiver } from './receiver.ts';
import type { ViewerFacts } from './viewer-facts.ts';
import { offersUdp, wireCapabilities } from './wire.ts';

/** What a leg tells whoever goes from leg to leg. */
export type WatchLegParent = {
  /** The server took us in, and the stream is not live. */
  legOnWaiting(notice: Notice | undefined): void;
  /** There is something to see, which is on its way. */
  legOnLive(): void;
  /** Media gets through. */
  legOnConnected(): void;
  /** These are what there is to play now. */
  legOnTracks(leg: WatchLeg, receiver: Receiver, tracks: readonly MediaStreamTrack[]): void;
  /** They play. */
  legOnPlay(): void;
  publisherOnAway(leg: WatchLeg, reason: EndReason): void;
  publisherOnBack(leg: WatchLeg): void;
  streamOnNotice(notice: Notice | undefined): void;
  streamOnEnd(leg: WatchLeg, event: EventOf<'ended'>): void;
  /** Whether that one's tracks are on the screen. */
  shows(receiver: Receiver | undefined): boolean;
};

type Context = {
  parent: WatchLegParent;
  facts: ViewerFacts;
  choice: LayerChoice;
  /** Always the same object; tracks come and go. */
  mediaStream: MediaStream;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  onUnplayable(unplayable: Media['unplayable']): void;
};

/** One session with one server by which a stream is watched: one receiver after the other, and what is told of the stream. */
export class WatchLeg extends Leg<Receiver> {
  readonly #attempt: Attempt;
  readonly #context: Context;

  constructor(conversation: Conversation, attempt: Attempt, context: Context) {
    super(conversation, attempt);
    this.#attempt = attempt;
    this.#context = context;
  }

  /** Resolves when the stream plays or is waited for. */
  async join(connecting: Connecting, stream: string, key: string | undefined): Promise<void> {
    const attempt = this.#attempt;
    const { conversation } = this;
    const { parent, facts, choice } = this.#context;
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    conversation.on('event', (event) => this.#conversationOnEvent(event, link));
    conversation.on('interrupted', (interrupted) => {
      facts.interrupted.value = interrupted;
    });
    const rtpCapabilities = wireCapabilities(link.device.recvRtpCapabilities);
    const answer = await attempt.during(conversation.request('watch', { stream, key, rtpCapabilities }));
    choice.joined(conversation);
    if (answer.state === 'live') {
      facts.viewers.value = answer.viewers;
      await this.#attach(link, answer.media);
    } else {
      parent.legOnWaiting(answer.notice);
    }
  }

  /** What is on the screen stays there until there is something else. */
  closeUnlessShown(): void {
    if (!this.#context.parent.shows(this.media)) this.media?.close();
  }

  #conversationOnEvent(event: Event, link: Link): void {
    const { parent, facts, choice } = this.#context;
    const fail = (error: unknown) => this.end(toClientError(error));
    if ('viewers' in event) facts.viewers.value = event.viewers;
    switch (event.type) {
      case 'viewers':
        facts.viewers.value = event.count;
        break;
      case 'live':
        parent.legOnLive();
        if (event.media) this.#attach(link, event.media).catch(fail);
        break;
      case 'away':
        this.media?.cancel();
        parent.publisherOnAway(this, event.reason);
        break;
      case 'back':
        parent.publisherOnBack(this);
        break;
      case 'tracks':
        this.#streamIs(event);
        this.#play(event.consumers).catch(fail);
        break;
      case 'ended':
        parent.streamOnEnd(this, event);
        break;
      case 'layer':
        choice.changed(this.conversation, event.spatialLayer);
        break;
      case 'notice':
        parent.streamOnNotice(event.notice);
        break;
      case 'title':
        facts.title.value = event.title;
        break;
      case 'source':
        this.#sourceIs(event);
        break;
      case 'move':
        this.moveIn(event.delay);
        break;
      case 'audience':
      case 'welcome':
      case 'closing':
        break;
    }
  }

  async #attach(link: Link, media: Media): Promise<void> {
    const { parent, facts, choice, iceTransportPolicy } = this.#context;
    const receiver: Receiver = new Receiver(media.transport, {
      link,
      iceTransportPolicy,
      onTracks: (tracks) => {
        if (!receiver.closed && this.media === receiver) parent.legOnTracks(this, receiver, tracks);
      },
      onTrouble: (trouble) => {
        if (parent.shows(receiver)) facts.trouble.value = trouble;
      },
      onConnected: () => parent.legOnConnected(),
      onLost: (reason) => this.end(reason),
      expectsMedia: () => facts.state.value.name === 'live',
      wantsVideo: () => choice.wish.video,
    });
    this.closeUnlessShown();
    this.media = receiver;
    this.udpOffered = offersUdp(media.transport, iceTransportPolicy);
    this.#streamIs(media);
    await this.#play(media.consumers);
  }

  async #play(consumers: Media['consumers']): Promise<void> {
    const { media: receiver } = this;
    if (!receiver) return;
    const { parent, choice, mediaStream } = this.#context;
    const empty = mediaStream.getTracks().length === 0;
    choice.offered(consumers);
    try {
      if ((await receiver.play(consumers, empty)) && this.media === receiver) parent.legOnPlay();
    } catch (error) {
      // Stopped or ended in between: whoever closed it has set the state.
      if (!receiver.closed) throw error;
    }
  }

  #streamIs({ unplayable, title = '', source }: Pick<Media, 'unplayable' | 'title' | 'source'>): void {
    this.#context.onUnplayable(unplayable);
    this.#context.facts.title.value = title;
    this.#sourceIs(source);
  }

  #sourceIs(source: Media['source']): void {
    this.#context.facts.source.value = source && { limitation: source.limitation, weak: source.weak };
  }
}
