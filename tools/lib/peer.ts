/** Offers once and gets an answer by HTTP, as WHIP and WHEP do. */
import type { Audio, Track, Video } from 'node-datachannel';
import { Connection } from './connection.ts';
import { deleteResource, postOffer, type Resource, type ResourceOptions } from './resource.ts';

export class Peer {
  readonly #connection: Connection;
  readonly #options: ResourceOptions;
  #resource: Resource | undefined;
  #closed = false;

  constructor(name: string, options: ResourceOptions & { onLost?: ((reason: string) => void) | undefined }) {
    this.#options = options;
    this.#connection = new Connection(name, (reason) => {
      if (!this.#closed) options.onLost?.(reason);
    });
  }

  get resource(): Resource | undefined {
    return this.#resource;
  }

  addTrack(media: Audio | Video): Track {
    return this.#connection.addTrack(media);
  }

  /** Offers, gets the answer, and resolves when ICE and DTLS are through. @throws {Refused} */
  async connect(url: URL): Promise<void> {
    const offer = await this.#connection.offer();
    const resource = await postOffer(url, offer, this.#options);
    this.#resource = resource;
    if (this.#closed) return this.#delete();
    this.#connection.acceptAnswer(resource.answer);
    await this.#connection.connected();
  }

  /** Ends it here and at the server. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The server first: it is not to see a connection that went silent.
    await this.#delete();
    this.#connection.close();
  }

  async #delete(): Promise<void> {
    const url = this.#resource?.url;
    if (url) await deleteResource(url, { token: this.#options.token }).catch(() => undefined);
  }
}
