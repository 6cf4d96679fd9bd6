/** A publisher by libdatachannel, for tests and measurements. */
import type { Resource } from '../../tools/lib/resource.ts';
import { RtpSource, type RtpSourceOptions } from '../../tools/lib/rtp-source.ts';
import { WhipClient, type WhipOptions } from '../../tools/lib/whip-client.ts';
import { type MediaName, media } from './media.ts';

export type Live = {
  client: WhipClient;
  source: RtpSource;
  /** The session at the server. */
  resource: Resource;
  stop(): Promise<void>;
};

/** A file of media.ts, as it is, again and again, under that id. Resolves when connected. */
export async function publishMedia(
  url: string,
  stream: string,
  name: MediaName,
  more: Partial<WhipOptions & RtpSourceOptions> = {},
): Promise<Live> {
  const options: RtpSourceOptions = {
    file: await media(name),
    loop: true,
    copy: true,
    ...more,
    onPacket: (kind, packet) => client.send(kind, packet),
  };
  const source = await RtpSource.open(options);
  const client = new WhipClient({ url: new URL(`/whip/${stream}`, url), tracks: source.tracks, ...more });
  const stop = async () => {
    await Promise.all([source.close(), client.close()]);
  };
  try {
    const resource = await client.connect();
    source.start(options);
    return { client, source, resource, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
