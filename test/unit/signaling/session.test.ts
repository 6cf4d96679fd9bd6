/** A session's bookkeeping: what it keeps for a client that has to reconnect, and for how long. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Event } from '../../../server/protocol/messages.ts';
import { type Activity, type Connection, Session, Sessions } from '../../../server/signaling/session.ts';
import { DTLS } from '../../helpers/client.ts';

type Recorded = Connection & { events: Event[]; moved: number };

function connection(): Recorded {
  const recorded: Recorded = {
    events: [],
    moved: 0,
    send: (event) => recorded.events.push(event),
    sessionMoved: () => {
      recorded.moved += 1;
    },
  };
  return recorded;
}

/** A part in a stream that does nothing: what it does is not the session's business. */
function idle(calls: string[] = [], done: Promise<void> = Promise.resolve()): Activity {
  return {
    kind: 'watch',
    ended: false,
    viewers: 7,
    connect: async () => {
      await done;
      calls.push('connect');
      return {};
    },
    produce: async () => ({ producerId: 'p' }),
    restartIce: async () => ({ iceParameters: { usernameFragment: 'u', password: 'p' } }),
    prefer: async () => ({}),
    title: () => calls.push('title'),
    sending: () => calls.push('sending'),
    receiving: () => calls.push('receiving'),
    firstFrame: () => calls.push('first_frame'),
    stop: () => calls.push('stop'),
    left: () => calls.push('left'),
  };
}

async function begin(activity: Activity, on = connection()) {
  let send: (event: Event) => void = () => {};
  const ended = vi.fn();
  const { session } = await Session.begin(
    on,
    async (own) => {
      send = own.send;
      return { activity, answer: {} };
    },
    ended,
  );
  return { session, on, ended, send: (event: Event) => send(event) };
}

const ended = (reason: 'stopped' | 'media_lost'): Event => ({ type: 'ended', reason, waiting: true });
const connect = (id: number) => ({ id, type: 'connect', dtlsParameters: DTLS }) as const;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('events', () => {
  test('are numbered, but for those that supersede each other, which are passed on as they are', async () => {
    const { on, send } = await begin(idle());
    const count: Event = { type: 'viewers', count: 3 };
    send(ended('stopped'));
    send(count);
    send(ended('media_lost'));
    expect(on.events.map((event) => ('seq' in event ? event.seq : undefined))).toEqual([1, undefined, 2]);
    expect(on.events[1]).toBe(count);
  });

  test('that were missed are sent to the next connection; viewer counts are not, the answer has the present one', async () => {
    const { session, on, send } = await begin(idle());
    send(ended('stopped'));
    session.connectionLost(on, 1000);
    send({ type: 'viewers', count: 3 });
    send(ended('media_lost'));
    const next = connection();
    expect(session.resume(next, 1)).toEqual({
      answer: { viewers: 7 },
      missed: [{ ...ended('media_lost'), seq: 2 }],
    });
    send(ended('stopped'));
    expect(next.events).toMatchObject([{ seq: 3 }]);
  });

  test('are kept up to a bound: who missed more begins anew', async () => {
    const { session, on, send } = await begin(idle());
    session.connectionLost(on, 1000);
    for (let count = 0; count < 33; count += 1) send(ended('stopped'));
    expect(() => session.resume(connection(), 0)).toThrow(expect.objectContaining({ code: 'session_lost' }));
    expect(session.resume(connection(), 1).missed).toHaveLength(32);
  });
});

describe('requests', () => {
  test('are done one after the other, and once however often they come on other connections', async () => {
    const calls: string[] = [];
    const slow = Promise.withResolvers<void>();
    const { session, on } = await begin(idle(calls, slow.promise));
    const first = session.perform(connect(1));
    session.connectionLost(on, 1000);
    session.resume(connection(), 0);
    const again = session.perform(connect(1));
    const later = session.perform({ id: 2, type: 'first_frame', milliseconds: 1 });
    slow.resolve();
    expect(await Promise.all([first, again, later])).toEqual([{}, {}, {}]);
    expect(calls).toEqual(['connect', 'first_frame']);
  });

  test('after the end are refused', async () => {
    const { session } = await begin(idle());
    await session.perform({ id: 1, type: 'stop' });
    await expect(session.perform(connect(2))).rejects.toMatchObject({ code: 'wrong_order' });
  });
});

describe('the end', () => {
  test('comes when the grace time is over, and not before', async () => {
    const calls: string[] = [];
    const { session, on, ended: onEnd } = await begin(idle(calls));
    session.connectionLost(on, 1000);
    await vi.advanceTimersByTimeAsync(999);
    expect(onEnd).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(onEnd).toHaveBeenCalledOnce();
    expect(calls).toEqual(['left']);
    session.close();
    expect(onEnd).toHaveBeenCalledOnce();
  });

  test('does not come for the loss of a connection that it left before', async () => {
    const { session, on, ended: onEnd } = await begin(idle());
    session.resume(connection(), 0);
    expect(on.moved).toBe(1);
    session.connectionLost(on, 0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(onEnd).not.toHaveBeenCalled();
  });

  test('waits for the request in work, so that what this acquires is released', async () => {
    const calls: string[] = [];
    const slow = Promise.withResolvers<void>();
    const { session } = await begin(idle(calls, slow.promise));
    const answer = session.perform(connect(1));
    await vi.advanceTimersByTimeAsync(0);
    session.close();
    slow.resolve();
    await answer.catch(() => {});
    await vi.advanceTimersByTimeAsync(0);
    expect(calls).toEqual(['connect', 'left']);
  });
});

test('a session is found by its secret until it ends, and counted while its part goes on', async () => {
  const sessions = new Sessions();
  const { session } = await sessions.begin(connection(), async () => ({ activity: idle(), answer: {} }));
  expect(sessions.find(session.secret)).toBe(session);
  expect(session.secret).toMatch(/^[\w-]{22}$/);
  expect([sessions.count('watch'), sessions.count('publish')]).toEqual([1, 0]);
  sessions.close();
  expect(() => sessions.find(session.secret)).toThrow(expect.objectContaining({ code: 'session_lost' }));
});
