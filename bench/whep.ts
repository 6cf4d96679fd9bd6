/**
 * How long a WHEP player waits: from its POST to the first RTP packet, for a
 * stream that is live. First one player after the other, then many at once.
 * The players (libdatachannel, no decoding) are on this machine too, all in
 * this process: part of the time of the many is theirs.
 *
 * A file's key frames come each second and cannot be asked for; GStreamer sends one when asked.
 *
 *   npm run bench -- whep
 *   npm run bench -- whep --joins 100 --storm 200 --within 5 --media vp8
 *   npm run bench -- whep --media gstreamer --joins 40     (Debian 12's sends no consent checks: a minute is all)
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { publishMedia } from '../test/helpers/publish-media.ts';
import { startServer } from '../test/helpers/server.ts';
import { publishByGstreamer } from '../test/helpers/whip-gst.ts';
import { WhepClient } from '../tools/lib/whep-client.ts';
import { machine, spread } from './lib/figures.ts';

const { values } = parseArgs({
  options: {
    joins: { type: 'string', default: '100' },
    storm: { type: 'string', default: '200' },
    within: { type: 'string', default: '5' },
    media: { type: 'string', default: 'h264' },
  },
});
const joins = Number(values.joins);
const storm = Number(values.storm);
const within = Number(values.within);
const media = values.media;

/** Milliseconds after the POST. */
type Join = { answer: number; connected: number; audio: number; video: number };

const server = await startServer({
  PHAROS_LIMITS_JOINS_PER_ADDRESS: 100_000,
  PHAROS_LIMITS_CONNECTIONS_PER_ADDRESS: 10_000,
  PHAROS_MEDIA_ICE_CONSENT_TIMEOUT: 60,
});
try {
  const publisher = await publish(server.url);
  await server.record('stream live');
  const alone: Join[] = [];
  for (let index = 0; index < joins; index++) {
    const { client, join } = await joinOnce(server.url);
    alone.push(join);
    await client.close();
  }
  const many = await Promise.all(
    Array.from({ length: storm }, async (_, index) => {
      await sleep((within * 1000 * index) / storm);
      return joinOnce(server.url);
    }),
  );
  print(
    alone,
    many.map(({ join }) => join),
  );
  await Promise.all(many.map(({ client }) => client.close()));
  await publisher.stop();
} finally {
  await server.stop();
}
// libdatachannel's threads would keep the process.
process.exit();

function publish(url: string): Promise<{ stop(): Promise<unknown> }> {
  if (media === 'gstreamer') return publishByGstreamer(`${url}/whip/bench`);
  return publishMedia(url, 'bench', media === 'vp8' ? 'vp8' : 'h264');
}

async function joinOnce(url: string): Promise<{ client: WhepClient; join: Join }> {
  const first = { audio: Promise.withResolvers<number>(), video: Promise.withResolvers<number>() };
  const client = new WhepClient({
    url: new URL('/whep/bench', url),
    onPacket: (kind) => first[kind].resolve(performance.now()),
  });
  const { postedAt, answeredAt } = await client.connect();
  const connected = performance.now();
  const [audio, video] = await Promise.all([first.audio.promise, first.video.promise]);
  const since = (time: number) => time - postedAt;
  return {
    client,
    join: {
      answer: since(answeredAt),
      connected: since(connected),
      audio: since(audio),
      video: since(video),
    },
  };
}

function print(alone: Join[], many: Join[]): void {
  const rows = (what: string, all: Join[]) => ({
    [`${what}: answer`]: spread(all.map(({ answer }) => answer)),
    [`${what}: ICE and DTLS are through`]: spread(all.map(({ connected }) => connected)),
    [`${what}: first RTP packet`]: spread(all.map(({ audio, video }) => Math.min(audio, video))),
    [`${what}: first packet of a key frame`]: spread(all.map(({ video }) => video)),
  });
  console.log(`WHEP, milliseconds after the POST; ${media}, 640x360; ${machine()}`);
  console.table({
    ...rows(`${joins} one after the other`, alone),
    ...rows(`${storm} within ${within} s`, many),
  });
}
