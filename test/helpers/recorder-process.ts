/** A server in small that records, to be killed: prints the pid of ffmpeg when its file has begun. */
import { createWorker } from 'mediasoup';
import { pino } from 'pino';
import { Recorder } from '../../workers/ffmpeg/record/recorder.ts';
import { Publisher, ROUTER_OPTIONS, type VideoCodec } from './recorder-publisher.ts';

const [codec = 'VP8', base = ''] = process.argv.slice(2);
const worker = await createWorker({ logLevel: 'error' });
const router = await worker.createRouter(ROUTER_OPTIONS);
const publisher = await Publisher.create({ router, video: { codec: codec as VideoCodec } });
publisher.start();
const recorder = await Recorder.create({
  router,
  producers: publisher.producers,
  file: (format) => `${base}.${format}`,
  logger: pino({ level: 'silent' }),
});
recorder.once('started', (file) => console.log(JSON.stringify({ file, pid: recorder.pid, at: Date.now() })));
