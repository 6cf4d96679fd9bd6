import type { Device } from 'mediasoup-client';
import { Conversation } from './conversation.ts';
import { type Direction, loadDevice, prepareDevice } from './device.ts';
import { toClientError } from './errors.ts';
import type { Welcome } from './signal-client.ts';

/** An open connection and a device that knows what browser and server have in common. */
export type Link = { conversation: Conversation; device: Device; welcome: Welcome };

/** A link on its way. The conversation is there at once, so that it can be closed at any time. */
export class Connecting {
  readonly conversation: Conversation;
  readonly link: Promise<Link>;
  #ready: Link | undefined;

  constructor(url: string, direction: Direction) {
    // The socket first: the browser answers about codecs while the network is under way.
    this.conversation = new Conversation(url);
    this.link = this.#finish(direction);
    this.link.catch(() => {});
  }

  /** The link if it is there already: to go on in the same tick, ahead of whatever the page does next. */
  get ready(): Link | undefined {
    return this.#ready;
  }

  async #finish(direction: Direction): Promise<Link> {
    const { conversation } = this;
    try {
      prepareDevice(direction);
      const welcome = await conversation.connect();
      this.#ready = { conversation, welcome, device: await loadDevice(direction, welcome) };
      return this.#ready;
    } catch (error) {
      conversation.close(toClientError(error));
      throw error;
    }
  }
}

/** A connection that is opened ahead of its use, if that is wished. */
export class Prepared {
  readonly #url: string;
  readonly #direction: Direction;
  #connecting: Connecting | undefined;

  constructor(url: string, direction: Direction) {
    this.#url = url;
    this.#direction = direction;
  }

  open(): Connecting {
    if (!this.#connecting || this.#connecting.conversation.closed) {
      this.#connecting = new Connecting(this.#url, this.#direction);
    }
    return this.#connecting;
  }

  /** Hands it over to whoever uses it, and closes it. */
  take(): Connecting {
    const connecting = this.open();
    this.#connecting = undefined;
    return connecting;
  }

  close(): void {
    this.#connecting?.conversation.close();
    this.#connecting = undefined;
  }
}
