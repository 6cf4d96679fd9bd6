import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cameraSchema } from '../../../config/schema.ts';
import { parseCameraUrl } from '../../../server/base/camera-url.ts';
import { PharosError } from '../../../server/base/errors.ts';
import { createLogger } from '../../../server/base/logger.ts';
import { Camera, type Pulling } from '../../../server/cameras/camera.ts';
import { CameraFault } from '../../../server/cameras/fault.ts';
import type { Learnt, PullEvents } from '../../../server/cameras/pull.ts';
import type { Notice } from '../../../server/protocol/messages.ts';

/**
 * Stands for a connection to a camera, of which there are real ones in
 * test/integration/cameras.test.ts: here it is about minutes and hours.
 */
class FakePull extends EventEmitter<PullEvents> implements Pulling {
  readonly plan = { video: 'copy', audio: undefined } as const;
  closed: string | undefined;

  async close(reason: string): Promise<void> {
    this.closed ??= reason;
  }
}

const URL = 'rtsp://me:hunter2@192.168.1.20/live';
const UNREACHABLE = new CameraFault('source_unreachable', 'the camera does not answer');
const REFUSED = new CameraFault('source_refused', 'the camera does not accept this password');

function setUp({ onDemand = true }: { onDemand?: boolean } = {}) {
  const settings = cameraSchema.parse({ stream: 'door', url: URL, onDemand });
  const url = parseCameraUrl(URL);
  if (!url) throw new Error('no address');
  const pulls: FakePull[] = [];
  const attempts: { learnt: Learnt; signal: AbortSignal; at: number }[] = [];
  const notices: (Notice | undefined)[] = [];
  const lines: string[] = [];
  const state = {
    viewers: 0,
    fault: undefined as Error | undefined,
    /** Attempts end when this does. */
    gate: Promise.resolve(),
    released: 0,
  };
  const camera = new Camera({
    settings,
    url,
    source: 'config',
    reservation: {
      streamId: 'door',
      notice: undefined,
      tell: (notice) => notices.push(notice),
      publish: () => Promise.reject(new Error('not here')),
      release: () => {
        state.released += 1;
      },
    },
    viewers: () => state.viewers,
    pull: async (options) => {
      attempts.push({ ...options, at: performance.now() });
      await state.gate;
      if (state.fault) throw state.fault;
      const pull = new FakePull();
      pulls.push(pull);
      return pull;
    },
    logger: createLogger({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) }),
    random: () => 1,
  });
  const watch = async (viewers: number) => {
    state.viewers = viewers;
    camera.registryOnDemand();
    await pass(0);
  };
  return { camera, pulls, attempts, notices, lines, state, watch };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe('on demand', () => {
  test('it begins with the first viewer and ends ten seconds after the last', async () => {
    const { camera, pulls, watch } = setUp();
    camera.start();
    await pass(60_000);
    expect(pulls).toHaveLength(0);
    expect(camera.status()).toMatchObject({ state: 'idle', viewers: 0, error: null, tracks: null });

    await watch(1);
    expect(camera.status()).toMatchObject({ state: 'connecting', viewers: 1 });
    pulls[0]?.emit('live');
    expect(camera.status()).toMatchObject({ state: 'live', tracks: { video: 'copy' } });
    await watch(2);
    await watch(0);
    await pass(9999);
    expect(camera.status().state).toBe('live');
    await pass(1);
    expect(camera.status().state).toBe('idle');
    expect(pulls).toHaveLength(1);
    expect(pulls[0]?.closed).toBe('stopped');
  });

  test('a viewer who comes back in time finds it live', async () => {
    const { pulls, watch } = setUp();
    await watch(1);
    pulls[0]?.emit('live');
    await watch(0);
    await pass(9000);
    await watch(1);
    await pass(60_000);
    expect(pulls).toHaveLength(1);
    expect(pulls[0]?.closed).toBeUndefined();
  });

  test('one that comes up only after everybody has gone is ended, and the next waits for that', async () => {
    const { camera, pulls, attempts, watch, state } = setUp();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    await watch(1);
    await watch(0);
    await pass(10_000);
    expect(camera.status().state).toBe('idle');
    await watch(1);
    expect(camera.status().state).toBe('connecting');
    expect(attempts).toHaveLength(1);
    gate.resolve();
    await pass(0);
    expect(pulls.map(({ closed }) => closed)).toEqual(['stopped', undefined]);
    expect(attempts.map(({ signal }) => signal.aborted)).toEqual([true, false]);
  });

  test('while it is out of reach, attempts end with the last viewer as well', async () => {
    const { camera, attempts, watch, state } = setUp();
    state.fault = UNREACHABLE;
    await watch(1);
    expect(camera.status().state).toBe('retrying');
    await watch(0);
    await pass(10_000);
    const count = attempts.length;
    await pass(3_600_000);
    expect(attempts).toHaveLength(count);
    expect(camera.status()).toMatchObject({ state: 'idle', error: UNREACHABLE.message });
    await watch(1);
    expect(attempts).toHaveLength(count + 1);
  });
});

describe('a camera that fails', () => {
  test('is tried again, ever less often, and says what is wrong once', async () => {
    const { camera, attempts, notices, lines, state } = setUp({ onDemand: false });
    state.fault = UNREACHABLE;
    camera.start();
    await pass(200_000);
    const gaps = attempts.slice(1).map(({ at }, index) => Math.round(at - (attempts[index]?.at ?? 0)));
    expect(gaps.slice(0, 7)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(notices.at(-1)).toEqual({ code: 'source_unreachable', message: UNREACHABLE.message });
    expect(camera.status()).toMatchObject({ state: 'retrying', error: UNREACHABLE.message });
    expect(lines.filter((line) => line.includes(UNREACHABLE.message))).toHaveLength(1);
    expect(lines.join()).not.toContain('hunter2');
  });

  test('comes back, and its error goes', async () => {
    const { camera, pulls, notices, state } = setUp({ onDemand: false });
    state.fault = UNREACHABLE;
    camera.start();
    await pass(0);
    state.fault = undefined;
    await pass(1000);
    expect(camera.status().error).toBe(UNREACHABLE.message);
    pulls[0]?.emit('live');
    expect(camera.status()).toMatchObject({ state: 'live', error: null });
    expect(notices.at(-1)).toBeUndefined();
  });

  test('that keeps failing right after it came up is not tried at full speed', async () => {
    const { camera, pulls, attempts } = setUp({ onDemand: false });
    camera.start();
    await pass(0);
    for (const [index, delay] of [1000, 2000, 4000].entries()) {
      pulls[index]?.emit('live');
      await pass(100);
      pulls[index]?.emit('ended', UNREACHABLE);
      expect(pulls[index]?.closed).toBe('media_lost');
      await pass(delay - 1);
      expect(attempts).toHaveLength(index + 1);
      await pass(1);
      expect(attempts).toHaveLength(index + 2);
    }
    pulls[3]?.emit('live');
    await pass(31_000);
    pulls[3]?.emit('ended', UNREACHABLE);
    await pass(1000);
    expect(attempts).toHaveLength(5);
  });

  test('because of something that has to be changed is tried seldom, whoever comes', async () => {
    const { camera, attempts, watch, state } = setUp();
    state.fault = REFUSED;
    await watch(1);
    expect(camera.status()).toMatchObject({ state: 'failed', error: REFUSED.message });
    await pass(20_000);
    await watch(0);
    await pass(10_000);
    expect(camera.status().state).toBe('idle');
    await watch(1);
    expect(camera.status().state).toBe('failed');
    expect(attempts).toHaveLength(1);
    await pass(30_000);
    expect(attempts).toHaveLength(2);
    await pass(3_600_000);
    expect(attempts.length).toBeLessThan(12);
  });

  test('for lack of room on the server, or by a fault of ours, is tried again as well', async () => {
    const { camera, state } = setUp({ onDemand: false });
    state.fault = new PharosError('server_full', 'this server carries as many streams as it may');
    camera.start();
    await pass(0);
    expect(camera.status()).toMatchObject({ state: 'retrying', error: state.fault.message });
    state.fault = new Error('of no concern to others: hunter2');
    await pass(1000);
    expect(camera.status()).toMatchObject({
      state: 'retrying',
      error: expect.not.stringContaining('hunter2'),
    });
  });
});

test('what a pull learnt, the next one knows, at once', async () => {
  const { camera, pulls, attempts } = setUp({ onDemand: false });
  camera.start();
  await pass(0);
  expect(attempts[0]?.learnt).toEqual({ bFrames: false, needsThoroughProbing: false });
  pulls[0]?.emit('learnt', { needsThoroughProbing: true });
  await pass(0);
  expect(attempts).toHaveLength(1);
  pulls[0]?.emit('learnt', { bFrames: true });
  pulls[0]?.emit('ended', undefined);
  await pass(0);
  expect(attempts.map(({ learnt }) => learnt).at(-1)).toEqual({ bFrames: true, needsThoroughProbing: true });
  expect(attempts).toHaveLength(2);
});

describe('closing', () => {
  test('ends the pull, and nothing comes after', async () => {
    const { camera, pulls, attempts, state, watch } = setUp();
    await watch(1);
    await camera.close('server_closing');
    await camera.close('server_closing');
    expect(pulls[0]?.closed).toBe('server_closing');
    expect(state.released).toBe(1);
    pulls[0]?.emit('ended', UNREACHABLE);
    await watch(2);
    camera.start();
    await pass(3_600_000);
    expect(attempts).toHaveLength(1);
  });

  test('in the middle of an attempt waits until that is gone', async () => {
    const { camera, attempts, pulls, watch, state } = setUp();
    const gate = Promise.withResolvers<void>();
    state.gate = gate.promise;
    await watch(1);
    let closed = false;
    const closing = camera.close('stopped').then(() => {
      closed = true;
    });
    expect(attempts[0]?.signal.aborted).toBe(true);
    await pass(1000);
    expect(closed).toBe(false);
    gate.resolve();
    await closing;
    expect(pulls[0]?.closed).toBe('stopped');
  });
});

test('its status has nothing of its address but scheme, host and port', () => {
  const { camera } = setUp();
  expect(camera.status()).toEqual({
    stream: 'door',
    url: 'rtsp://192.168.1.20:554',
    onDemand: true,
    transport: 'tcp',
    transcode: 'never',
    source: 'config',
    state: 'idle',
    since: expect.any(String),
    error: null,
    tracks: null,
    viewers: 0,
  });
});
