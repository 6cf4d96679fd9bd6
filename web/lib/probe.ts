import { loadDevice, prepareDevice } from './device.ts';
import { PharosClientError, toClientError } from './errors.ts';
import type { SignalClient } from './signal-client.ts';
import { localTransport } from './wire.ts';

/** By which media is to go: there only, or by a TURN server. */
export type Way = 'udp' | 'tcp' | 'relay';

type Options = {
  way: Way;
  key: string | undefined;
  stream: string | undefined;
  /** How long it may take to come up, in ms. */
  patience: number;
};

/** A way to the server's media port that came up, for data. */
export type Probe = {
  readonly way: Way;
  readonly channel: Pick<RTCDataChannel, 'readyState' | 'bufferedAmount' | 'send'>;
  /** Bits per second that the server takes at most. */
  readonly bitrate: number;
  close(): void;
};

/**
 * Tries one way for media on a fresh connection, which it closes if nothing comes of it.
 * @returns undefined if there is no such way, as far as the server is concerned.
 * @throws PharosClientError `media_unreachable`; what the server refuses it with.
 */
export async function openProbe(
  client: SignalClient,
  { way, key, stream, patience }: Options,
): Promise<Probe | undefined> {
  let close = () => client.close();
  try {
    prepareDevice('send');
    const welcome = await client.connect();
    const device = await loadDevice('send', welcome);
    let id = 1;
    const answer = await client.request(id++, 'probe', { key, stream });
    const iceCandidates = answer.transport.iceCandidates.filter(
      ({ protocol }) => way === 'relay' || protocol === way,
    );
    const { iceServers } = welcome;
    if (iceCandidates.length === 0 || (way === 'relay' && iceServers.length === 0)) {
      close();
      return undefined;
    }
    const transport = device.createSendTransport({
      ...localTransport({ ...answer.transport, iceCandidates }),
      sctpParameters: answer.sctpParameters,
      ...(way === 'relay' && { iceServers, iceTransportPolicy: 'relay' }),
    });
    close = () => {
      transport.close();
      client.close();
    };
    client.on('event', ({ type }) => {
      if (type === 'ended') transport.close();
    });
    const lost = new Promise<never>((_, reject) => {
      const unreachable = () =>
        reject(new PharosClientError('media_unreachable', 'Media cannot get through.'));
      setTimeout(unreachable, patience);
      transport.on('connectionstatechange', (state) => {
        if (state === 'failed') unreachable();
      });
      client.on('close', reject);
      transport.on('connect', ({ dtlsParameters }, callback) => {
        client.request(id++, 'connect', { dtlsParameters }).catch(reject);
        callback();
      });
    });
    lost.catch(() => {});
    // The server throws away what comes: there is nothing to be told of the channel.
    transport.on('producedata', (_, callback) => callback({ id: 'probe' }));
    const channel = await Promise.race([transport.produceData({ ordered: false }), lost]);
    const open = new Promise<void>((resolve) => channel.on('open', resolve));
    if (channel.readyState !== 'open') await Promise.race([open, lost]);
    return { way, channel, bitrate: answer.bitrate, close };
  } catch (error) {
    close();
    throw toClientError(error);
  }
}
