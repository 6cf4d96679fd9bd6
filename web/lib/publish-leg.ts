import type { AnswerOf, Event } from '../../server/protocol/messages.ts';
import type { Attempt } from './attempt.ts';
import { chooseCodec } from './codecs.ts';
import type { Conversation } from './conversation.ts';
import { deferred } from './deferred.ts';
import { Leg } from './leg.ts';
import type { Connecting, Link } from './link.ts';
import type { Published, PublisherFacts } from './publisher-facts.ts';
import { endOf } from './retry.ts';
import { Sender, type SendSettings } from './sender.ts';
import { aliveTracks, kindsOf } from './tracks.ts';
import { offersUdp } from './wire.ts';

export type PublishOptions = SendSettings & {
  /** The stream id; left out, the server makes one. */
  stream?: string | undefined;
  /** The secret of the session that published the stream so far (`Published.session`): it is taken over. */
  resume?: string | undefined;
  /** What the stream is called, in one line; left out, what it was called before it is gone on with. */
  title?: string | undefined;
  videoTrack?: MediaStreamTrack | undefined;
  audioTrack?: MediaStreamTrack | undefined;
};

type Context = {
  facts: PublisherFacts;
  /** The publish key, where the server asks for one. */
  key: string | undefined;
  iceTransportPolicy: RTCIceTransportPolicy | undefined;
  onTrouble(trouble: boolean): void;
  onConnected(): void;
};

/** One session with one server by which a stream is published: what is sent there, and what is told us of it. */
export class PublishLeg extends Leg<Sender> {
  readonly #attempt: Attempt;
  readonly #context: Context;
  readonly #live = deferred<void>();

  constructor(conversation: Conversation, attempt: Attempt, context: Context) {
    super(conversation, attempt);
    this.#attempt = attempt;
    this.#context = context;
  }

  /**
   * Resolves when the stream is live by this one. `options` are those of the moment, whenever they are read;
   * the stream and its secret are noted there, as it is these that are published also after a loss.
   */
  async publish(connecting: Connecting, options: PublishOptions): Promise<Published> {
    const attempt = this.#attempt;
    const { conversation } = this;
    const { facts, key } = this.#context;
    const link = connecting.ready ?? (await attempt.during(connecting.link));
    conversation.on('event', (event) => this.#conversationOnEvent(event));
    conversation.on('interrupted', (interrupted) => {
      facts.interrupted.value = interrupted;
    });
    const tracks = aliveTracks(options);
    // Better refused here than after the server has been asked.
    if (tracks.video) chooseCodec(link.device.sendRtpCapabilities, options.video.codec);
    const { stream, resume, title } = options;
    const answer = await attempt.during(
      conversation.request('publish', { stream, key, resume, tracks: kindsOf(tracks), title }),
    );
    options.stream = answer.stream;
    options.resume = answer.session;
    const sender = this.#createSender(link, answer);
    await attempt.during(
      sender.send(tracks, options, () => ({ video: options.videoTrack, audio: options.audioTrack })),
    );
    await attempt.during(this.#live.promise);
    const { watchUrl, session, grace } = answer;
    return { stream: answer.stream, watchUrl, session, grace };
  }

  #createSender(link: Link, answer: AnswerOf<'publish'>): Sender {
    const { iceTransportPolicy, onTrouble, onConnected } = this.#context;
    this.media = new Sender(answer, {
      ...{ link, iceTransportPolicy, onTrouble, onConnected },
      onLost: (reason) => this.end(reason),
    });
    this.udpOffered = offersUdp(answer.transport, iceTransportPolicy);
    return this.media;
  }

  #conversationOnEvent(event: Event): void {
    const { viewers, notices, audience } = this.#context.facts;
    switch (event.type) {
      case 'live':
        viewers.value = event.viewers;
        this.#live.resolve();
        break;
      case 'viewers':
        viewers.value = event.count;
        break;
      case 'notice':
        if (event.notice) notices.value = [...notices.value, event.notice];
        break;
      case 'audience': {
        const { type, ...known } = event;
        audience.value = known;
        break;
      }
      case 'ended':
        this.end(endOf(event.reason, this.loss));
        break;
      case 'move':
        this.moveIn(event.delay);
        break;
      case 'welcome':
      case 'closing':
      case 'away':
      case 'back':
      case 'tracks':
      case 'layer':
      case 'title':
      case 'source':
        break;
    }
  }
}
