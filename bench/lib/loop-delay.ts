/**
 * Event-loop delay of whatever Node process this is preloaded into (`node --import`): how late its
 * timers are. At SIGUSR2 it prints what was seen since the last time.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between looks; what Node reports contains it. */
const RESOLUTION = 10;

const delay = monitorEventLoopDelay({ resolution: RESOLUTION });
let reading = 0;
delay.enable();

process.on('SIGUSR2', () => {
  const late = (nanoseconds: number) => Math.max(0, Math.round(nanoseconds / 1e5) / 10 - RESOLUTION);
  const figures = { p50: late(delay.percentile(50)), p99: late(delay.percentile(99)), max: late(delay.max) };
  delay.reset();
  process.stdout.write(`${JSON.stringify({ msg: 'loop delay', reading: reading++, ...figures })}\n`);
});
