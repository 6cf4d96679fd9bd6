import { describe, expect, test, vi } from 'vitest';
import { Attempt, persist } from '../../../web/lib/attempt.ts';
import { PharosClientError } from '../../../web/lib/errors.ts';
import { Reconnect } from '../../../web/lib/reconnect.ts';

const lost = new PharosClientError('connection_lost', 'lost');
const stopped = new PharosClientError('stopped', 'stopped');

describe('an attempt', () => {
  test('ends once, undoing in reverse what was done', async () => {
    const attempt = new Attempt();
    const undone: number[] = [];
    attempt.onEnd(() => undone.push(1));
    attempt.onEnd(() => undone.push(2));
    attempt.end(lost);
    attempt.end(stopped);
    expect(await attempt.over).toBe(lost);
    expect(undone).toEqual([2, 1]);
  });

  test('undoes at once what comes after its end', () => {
    const attempt = new Attempt();
    attempt.end(lost);
    const undo = vi.fn();
    attempt.onEnd(undo);
    expect(undo).toHaveBeenCalledOnce();
  });

  test('does not wait for work after its end', async () => {
    const attempt = new Attempt();
    const work = attempt.during(new Promise(() => {}));
    attempt.end(lost);
    await expect(work).rejects.toBe(lost);
    await expect(attempt.during(Promise.resolve('late'))).rejects.toBe(lost);
  });

  test('passes on what the work brings', async () => {
    await expect(new Attempt().during(Promise.resolve(7))).resolves.toBe(7);
  });
});

describe('persist', () => {
  function run(
    start: (attempt: Attempt, nth: number) => Promise<void>,
    again: (e: PharosClientError) => boolean,
  ) {
    const controller = new AbortController();
    let count = 0;
    const result = persist({
      signal: controller.signal,
      reconnect: new Reconnect(() => 0),
      start: (attempt) => start(attempt, ++count),
      again,
      stopped: () => stopped,
    });
    return { controller, result, count: () => count };
  }

  test('tries again as long as it is worth it', async () => {
    const { result, count } = run(
      async (_attempt, nth) => {
        throw nth < 3 ? lost : new PharosClientError('full', 'full');
      },
      ({ code }) => code === 'connection_lost',
    );
    expect((await result).code).toBe('full');
    expect(count()).toBe(3);
  });

  test('an error of any other kind is one of setting up media', async () => {
    const { result } = run(
      async () => {
        throw new TypeError('bad SDP');
      },
      () => false,
    );
    expect(await result).toMatchObject({ code: 'media_failed', message: 'bad SDP' });
  });

  test('stopped while connected: undone, and not begun again', async () => {
    const undo = vi.fn();
    const again = vi.fn(() => true);
    const { controller, result, count } = run(async (attempt) => attempt.onEnd(undo), again);
    await Promise.resolve();
    controller.abort();
    expect(await result).toBe(stopped);
    expect(undo).toHaveBeenCalledOnce();
    expect(again).not.toHaveBeenCalled();
    expect(count()).toBe(1);
  });

  test('stopped during the delay: over at once', async () => {
    vi.useFakeTimers();
    try {
      const { controller, result, count } = run(
        async () => {
          throw lost;
        },
        () => true,
      );
      await vi.advanceTimersByTimeAsync(400);
      const tries = count();
      controller.abort();
      expect(await result).toBe(stopped);
      expect(count()).toBe(tries);
    } finally {
      vi.useRealTimers();
    }
  });
});
