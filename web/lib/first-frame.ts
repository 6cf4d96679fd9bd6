import type { Conversation } from './conversation.ts';

/** The server's statistics can wait until the join is long over. */
const REPORT_AFTER = 2000;
/** The protocol takes no more. */
const REPORT_MOST = 600_000;

/** How long there was something to see until it was seen. */
export class FirstFrame {
  /** Undefined once it was reported. */
  #awaitedSince: number | undefined;

  awaited(): void {
    this.#awaitedSince = performance.now();
  }

  /** It is on the screen: the server is told, in a while, how long that took. */
  report(conversation: Conversation): void {
    if (this.#awaitedSince === undefined) return;
    const milliseconds = Math.min(Math.round(performance.now() - this.#awaitedSince), REPORT_MOST);
    this.#awaitedSince = undefined;
    setTimeout(() => conversation.request('first_frame', { milliseconds }).catch(() => {}), REPORT_AFTER);
  }
}
