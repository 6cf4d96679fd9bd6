/** Whether one could publish from here: is the server reached, its media port, and how much goes up. */

export const CHECK_STEPS = ['server', 'udp', 'tcp', 'upload'] as const;
export type CheckStep = (typeof CHECK_STEPS)[number];
/** 'off': the server does not offer it, or there is no way to try it; no failure. */
export type StepState = 'waiting' | 'running' | 'ok' | 'failed' | 'off';

export type ConnectionReport = {
  server: { state: StepState /** In ms, over the WebSocket. */; roundTrip?: number };
  /** Media by UDP, and by TCP; or by a TURN server, where only that has a way. */
  udp: { state: StepState };
  tcp: { state: StepState };
  upload: { state: StepState /** Bits per second: at least so much. */; bitrate?: number };
};
