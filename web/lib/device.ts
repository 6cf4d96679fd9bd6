import { Device, detectDevice, type types } from 'mediasoup-client';
import { Chrome74 } from 'mediasoup-client/handlers/Chrome74';
import { Chrome111 } from 'mediasoup-client/handlers/Chrome111';
import { Firefox120 } from 'mediasoup-client/handlers/Firefox120';
import { Safari12 } from 'mediasoup-client/handlers/Safari12';
import { PharosClientError } from './errors.ts';
import { withLateProbation } from './probation.ts';
import type { Welcome } from './signal-client.ts';

const HANDLERS = { Chrome74, Chrome111, Firefox120, Safari12 };

export type Direction = 'send' | 'recv';

type Native = Pick<types.HandlerFactory, 'name' | 'factory'> & {
  capabilities(direction: Direction): Promise<types.RtpCapabilities>;
};
let native: Native | undefined;

/**
 * Starts finding out what this browser can do. That takes a throwaway peer
 * connection, and the first one in a page is slow: it starts the browser's
 * WebRTC threads. So it is asked once, before the server's welcome is here, and kept.
 */
export function prepareDevice(direction: Direction): void {
  void nativeOnce()
    .capabilities(direction)
    .catch(() => {});
}

export async function loadDevice(direction: Direction, welcome: Welcome): Promise<Device> {
  const { name, factory, capabilities } = nativeOnce();
  const device = new Device({
    handlerFactory: {
      name,
      factory,
      // Device asks for both directions; we only use one, and each costs milliseconds of the join.
      getNativeRtpCapabilities: () => capabilities(direction),
    },
  });
  await device.load({ routerRtpCapabilities: welcome.rtpCapabilities });
  return device;
}

function nativeOnce(): Native {
  native ??= createNative();
  return native;
}

function createNative(): Native {
  const handlerName = typeof RTCPeerConnection === 'undefined' ? undefined : detectDevice(userAgent());
  if (!handlerName || handlerName === 'ReactNative106') {
    throw new PharosClientError('unsupported_browser', 'This browser has no WebRTC that Pharos can use.');
  }
  const { name, factory, getNativeRtpCapabilities } = HANDLERS[handlerName].createFactory({});
  const asked = new Map<Direction, Promise<types.RtpCapabilities>>();
  const capabilities = (direction: Direction) => {
    const known = asked.get(direction) ?? getNativeRtpCapabilities({ direction: `${direction}only` });
    asked.set(direction, known);
    return known;
  };
  return { name, factory: withLateProbation(factory), capabilities };
}

/** Headless Chromium on plain HTTP, where userAgentData is missing, is not known to mediasoup-client by its own name. */
function userAgent(): string {
  return navigator.userAgent.replace('HeadlessChrome/', 'Chrome/');
}
