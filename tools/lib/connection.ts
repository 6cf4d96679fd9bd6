/** A peer connection of libdatachannel: one description each way, and promises where it has callbacks. */
import { type Audio, PeerConnection, type Track, type Video } from 'node-datachannel';

const CONNECT_TIMEOUT = 10_000;

export class Connection {
  readonly #connection: PeerConnection;
  readonly #tracks: Track[] = [];
  readonly #onLost: (reason: string) => void;
  #connected = false;
  #closed = false;
  /** Somebody waits for something of the connection. */
  #look = () => {};

  /** `onLost`: it was connected and is no longer, by no doing of ours. */
  constructor(name: string, onLost: (reason: string) => void = () => {}) {
    this.#onLost = onLost;
    this.#connection = new PeerConnection(name, { iceServers: [], disableAutoNegotiation: true });
    this.#connection.onGatheringStateChange(() => this.#look());
    this.#connection.onStateChange((state) => this.#connectionOnState(state));
  }

  addTrack(media: Audio | Video): Track {
    const track = this.#connection.addTrack(media);
    // node-datachannel lets go of a track when this callback has run.
    track.onClosed(() => {});
    this.#tracks.push(track);
    return track;
  }

  /** Resolves with the offer, whole: half an SDP would do with PATCHes to follow, but host candidates are there in a millisecond. */
  async offer(): Promise<string> {
    this.#connection.setLocalDescription('offer');
    await this.#until(() => this.#connection.gatheringState() === 'complete');
    return this.#localSdp();
  }

  acceptAnswer(sdp: string): void {
    this.#connection.setRemoteDescription(sdp, 'answer');
  }

  /** Our answer. It has no candidates yet, and a server that is ICE-lite (RFC 8445, section 2.5) needs none. */
  answerTo(offer: string): string {
    this.#connection.setRemoteDescription(offer, 'offer');
    this.#connection.setLocalDescription('answer');
    return this.#localSdp();
  }

  /** Resolves when ICE and DTLS are through. */
  connected(): Promise<void> {
    return this.#until(() => this.#connected);
  }

  /** Idempotent. Whoever waits for something is told. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#look();
    this.#connection.close();
    for (const track of this.#tracks) track.close();
  }

  #localSdp(): string {
    return this.#connection.localDescription()?.sdp ?? '';
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
