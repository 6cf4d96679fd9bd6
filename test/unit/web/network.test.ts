import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type NetworkSign, onNetworkSign } from '../../../web/lib/network.ts';

/** As much of a page as the signs are read from. */
class Page extends EventTarget {
  visibilityState = 'visible';

  show(visibilityState: 'visible' | 'hidden'): void {
    this.visibilityState = visibilityState;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

class Connection extends EventTarget {
  type: string | undefined;

  change(type: string | undefined): void {
    this.type = type;
    this.dispatchEvent(new Event('change'));
  }
}

let page: Page;
let connection: Connection;
let browser: EventTarget;
let signs: NetworkSign[];
let off: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  page = new Page();
  connection = new Connection();
  connection.type = 'wifi';
  browser = new EventTarget();
  vi.stubGlobal('document', page);
  vi.stubGlobal('navigator', { connection });
  vi.stubGlobal('addEventListener', browser.addEventListener.bind(browser));
  vi.stubGlobal('removeEventListener', browser.removeEventListener.bind(browser));
  signs = [];
  off = onNetworkSign((sign) => signs.push(sign));
});
afterEach(() => {
  off();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** The device sleeps: the clock goes on, timers do not. */
async function sleep(milliseconds: number): Promise<void> {
  vi.setSystemTime(Date.now() + milliseconds);
  await vi.advanceTimersByTimeAsync(2000);
}

test('online again', () => {
  browser.dispatchEvent(new Event('online'));
  expect(signs).toEqual(['changed']);
});

test('another kind of network, but not another speed, and not none', () => {
  connection.change('wifi');
  connection.change('none');
  expect(signs).toEqual([]);
  connection.change('cellular');
  expect(signs).toEqual(['changed']);
});

test('a page that was hidden for long, not one for a moment', async () => {
  page.show('hidden');
  await vi.advanceTimersByTimeAsync(10_000);
  page.show('visible');
  expect(signs).toEqual([]);
  page.show('hidden');
  await vi.advanceTimersByTimeAsync(61_000);
  page.show('visible');
  expect(signs).toEqual(['woke']);
});

test('a device that slept; a hidden page whose timers were put off did not', async () => {
  await vi.advanceTimersByTimeAsync(60_000);
  expect(signs).toEqual([]);
  await sleep(6000);
  expect(signs).toEqual(['woke']);
  page.show('hidden');
  await sleep(60_000);
  expect(signs).toEqual(['woke']);
  await sleep(3_600_000);
  expect(signs).toEqual(['woke', 'woke']);
});

test('off, nothing is told, and nothing runs', async () => {
  off();
  browser.dispatchEvent(new Event('online'));
  connection.change('cellular');
  await sleep(3_600_000);
  expect(signs).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('where there is no page there are no signs', () => {
  off();
  vi.stubGlobal('document', undefined);
  onNetworkSign((sign) => signs.push(sign))();
  expect(vi.getTimerCount()).toBe(0);
});
