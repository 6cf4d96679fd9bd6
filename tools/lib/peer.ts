/** A peer connection of libdatachannel that offers once, as WHIP and WHEP do. */
import { type Audio, PeerConnection, type Track, type Video } from 'node-datachannel';
import { deleteResource, postOffer, type Resource, type ResourceOptions } from './resource.ts';

const CONNECT_TIMEOUT = 10_000;

export class Peer {
  readonly #connection: PeerConnection;
  readonly #tracks: Track[] = [];
  readonly #options: ResourceOptions;
  readonly #onLost: (reason: string) => void;
  #resource: Resource | undefined;
  #connected = false;
  #closed = false;
  /** Somebody waits for something of the connection. */
  #look = () => {};

  constructor(name: string, options: ResourceOptions & { onLost?: ((reason: string) => void) | undefined }) {
    this.#options = options;
    this.#onLost = options.onLost ?? (() => {});
    this.#connection = new PeerConnection(name, { iceServers: [], disableAutoNegotiation: true });
    this.#connection.onGatheringStateChange(() => this.#look());
    this.#connection.onStateChange((state) => this.#connectionOnState(state));
  }

  get resource(): Resource | undefined {
    return this.#resource;
  }

  addTrack(media: Audio | Video): Track {
    const track = this.#connection.addTrack(media);
    // node-datachannel lets go of a track when this callback has run.
    track.onClosed(() => {});
    this.#tracks.push(track);
    return track;
  }

  /** Offers, gets the answer, and resolves when ICE and DTLS are through. @throws {Refused} */
  async connect(url: URL): Promise<void> {
    this.#connection.setLocalDescription('offer');
    // Half an SDP would do with PATCHes to follow; host candidates are there in a millisecond.
    await this.#until(() => this.#connection.gatheringState() === 'complete');
    const offer = this.#connection.localDescription()?.sdp ?? '';
    const resource = await postOffer(url, offer, this.#options);
    this.#resource = resource;
    if (this.#closed) return this.#delete();
    this.#connection.setRemoteDescription(resource.answer, 'answer');
    await this.#until(() => this.#connected);
  }

  /** Ends it here and at the server. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#look();
    // The server first: it is not to see a connection that went silent.
    await this.#delete();
    this.#connection.close();
    for (const track of this.#tracks) track.close();
  }

  async #delete(): Promise<void> {
    const url = this.#resource?.url;
    if (url) await deleteResource(url, { token: this.#options.token }).catch(() => undefined);
  }

  #connectionOnState(state: string): void {
    const wasConnected = this.#connected;
    this.#connected = state === 'connected';
    this.#look();
    // libdatachannel says "disconnected" when consent has expired (RFC 7675) or the server has said goodbye.
    if (wasConnected && !this.#connected && !this.#closed) this.#onLost(state);
  }

  #until(is: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#look = () => {};
        return error ? reject(error) : resolve();
      };
      const timer = setTimeout(
        () => end(new Error('no connection for media: is UDP to the server blocked?')),
        CONNECT_TIMEOUT,
      );
      this.#look = () => {
        if (this.#closed) return end(new Error('closed'));
        if (is()) return end();
        if (this.#connection.state() === 'failed') end(new Error('ICE or DTLS failed'));
      };
      this.#look();
    });
  }
}
