import type { Attempt } from './attempt.ts';
import type { Conversation } from './conversation.ts';
import { PharosClientError } from './errors.ts';
import type { MediaPath } from './media-path.ts';
import { type NetworkSign, onNetworkSign } from './network.ts';
import { moved } from './retry.ts';

/** One session with one server, and the media by it. Its end is that of the attempt that began it. */
export class Leg<Media extends { readonly path: MediaPath }> {
  readonly conversation: Conversation;
  media: Media | undefined;
  /** Whether media could go by UDP, as far as this server and our settings are concerned. */
  udpOffered = false;
  /** For one that outlives its attempt, this is set anew. */
  end: (reason: PharosClientError) => void;
  #move: ReturnType<typeof setTimeout> | undefined;

  constructor(conversation: Conversation, attempt: Attempt) {
    this.conversation = conversation;
    this.end = (reason) => attempt.end(reason);
    attempt.onEnd(() => clearTimeout(this.#move));
    const off = onNetworkSign((sign) => this.#networkOnSign(sign));
    conversation.on('close', (reason) => {
      off();
      this.end(reason);
    });
  }

  /** What to say of the media where the server has said no more than that it is lost. */
  get loss(): PharosClientError {
    return this.media?.path.loss ?? new PharosClientError('connection_lost', 'The stream was lost.');
  }

  /** The server shuts down: in so many ms another one is to be found. */
  moveIn(delay: number): void {
    this.#move ??= setTimeout(() => this.end(moved()), delay);
  }

  /** Where to go is known already: there is no reason to stay. */
  moveIfTold(): void {
    if (this.#move) this.end(moved());
  }

  #networkOnSign(sign: NetworkSign): void {
    if (sign === 'changed') this.conversation.renew();
    if (this.media) this.media.path.restartIce(sign);
    else this.conversation.check();
  }
}
