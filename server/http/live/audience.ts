/** A stream that an operator looks at: its publisher, how its viewers fare, and those who fare worst. */
import type { types } from 'mediasoup';
import {
  type Audience,
  type Detail,
  type PublisherDetail,
  VIEWER_STATES,
  VIEWERS_SHOWN,
  type ViewerRow,
} from '../../protocol/live.ts';
import type { Publisher } from '../../streams/publisher.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Viewer } from '../../streams/viewer.ts';
import { pictureOf, whoOf } from './overview.ts';
import type { Samples } from './samples.ts';

/** What a client said of itself counts for so long, in ms. */
const RECENT_MS = 30_000;
/** From which trouble on something is wrong. */
const TROUBLED = 0.1;

type State = ViewerRow['state'];

/** Those of whom is told, worst first, for `samples` to ask about; and what is told. */
export type Looked = { detail: Detail; shown: readonly Viewer[] };

export function lookAt(stream: Stream, samples: Samples, now: number): Looked {
  const { publisher } = stream;
  const audience = noAudience(publisher);
  const ranked = [...stream.viewers].map((viewer) => {
    const state = stateOf(viewer, stream);
    const trouble = troubleOf(viewer, state, now);
    count(audience, viewer, { state, trouble, now });
    return { viewer, state, trouble };
  });
  ranked.sort((a, b) => b.trouble - a.trouble || a.viewer.since - b.viewer.since);
  const shown = ranked.slice(0, VIEWERS_SHOWN);
  return {
    detail: {
      publisher: publisher ? publisherDetail(publisher, samples, now) : null,
      notices: [...(publisher?.notices ?? [])],
      audience,
      viewers: shown.map((each) => viewerRow(each, samples, now)),
    },
    shown: shown.map(({ viewer }) => viewer),
  };
}

function noAudience(publisher: Publisher | undefined): Audience {
  const video = publisher?.producers.find(({ kind }) => kind === 'video');
  const layers = video && video.type !== 'simple' ? (video.rtpParameters.encodings?.length ?? 0) : 0;
  const none = { viewers: 0, tcp: 0, reporting: 0, frozen: 0, slowDecoder: 0, troubled: 0 };
  return { ...none, states: VIEWER_STATES.map(() => 0), layers: Array.from({ length: layers }, () => 0) };
}

function count(
  audience: Audience,
  viewer: Viewer,
  { state, trouble, now }: { state: State; trouble: number; now: number },
): void {
  const index = VIEWER_STATES.indexOf(state);
  const layer = layerOf(viewer);
  const told = toldBy(viewer, now);
  audience.viewers += 1;
  audience.states[index] = (audience.states[index] ?? 0) + 1;
  if (layer !== null) audience.layers[layer] = (audience.layers[layer] ?? 0) + 1;
  if (protocolOf(viewer.attached?.transport) === 'tcp') audience.tcp += 1;
  if (told) audience.reporting += 1;
  if (told && told.frozen > 0) audience.frozen += 1;
  if (told?.slowDecoder) audience.slowDecoder += 1;
  if (trouble >= TROUBLED) audience.troubled += 1;
}

function stateOf(viewer: Viewer, stream: Stream): State {
  if (viewer.waiting) return 'waiting';
  if (viewer.unserved || stream.away) return 'interrupted';
  return viewer.attached?.transport.dtlsState === 'connected' ? 'live' : 'connecting';
}

/** Worked out of what is known without asking: nobody is asked who is not shown. */
function troubleOf(viewer: Viewer, state: State, now: number): number {
  if (state === 'waiting') return 0;
  if (state === 'interrupted') return 0.9;
  if (state === 'connecting') return now - viewer.since > 5000 ? 0.8 : 0.05;
  const told = toldBy(viewer, now);
  const score = scoreOf(viewer);
  const signs = [
    score === null ? 0 : (10 - score) / 10,
    told ? Math.min(1, told.frozen / 5000) : 0,
    told ? Math.min(1, told.lost * 5) : 0,
    told?.slowDecoder ? 0.5 : 0,
  ];
  return Math.round(Math.max(...signs) * 100) / 100;
}

function toldBy({ receiving }: Viewer, now: number) {
  return receiving && now - receiving.at < RECENT_MS ? receiving : undefined;
}

/** The worst of its consumers'; mediasoup tells of each change by itself. */
function scoreOf({ attached }: Viewer): number | null {
  let worst: number | null = null;
  for (const { score, closed, paused } of attached?.consumers ?? []) {
    if (!closed && !paused) worst = Math.min(score.score, worst ?? 10);
  }
  return worst;
}

function layerOf({ attached }: Viewer): number | null {
  const video = attached?.consumers.find(
    ({ kind, type, closed }) => kind === 'video' && type !== 'simple' && !closed,
  );
  return video?.currentLayers?.spatialLayer ?? null;
}

function protocolOf(transport: types.WebRtcTransport | undefined) {
  return transport?.iceSelectedTuple?.protocol ?? null;
}

function viewerRow(
  { viewer, state, trouble }: { viewer: Viewer; state: State; trouble: number },
  samples: Samples,
  now: number,
): ViewerRow {
  const told = toldBy(viewer, now);
  const measured = samples.viewer(viewer);
  return {
    ...whoOf(viewer),
    state,
    worker: viewer.attached?.worker.index ?? null,
    path: told?.path ?? protocolOf(viewer.attached?.transport),
    layer: layerOf(viewer),
    score: scoreOf(viewer),
    bitrate: measured?.bitrate ?? told?.bitrate ?? null,
    lost: told?.lost ?? measured?.lost ?? null,
    roundTrip: told?.roundTrip ?? measured?.roundTrip ?? null,
    picture: told ? pictureOf(told) : null,
    frozen: told?.frozen ?? null,
    slowDecoder: told?.slowDecoder ?? false,
    trouble,
  };
}

function publisherDetail(publisher: Publisher, samples: Samples, now: number): PublisherDetail {
  const { sending, transport } = publisher;
  const measured = samples.publisher(publisher);
  const told = sending && now - sending.at < RECENT_MS ? sending : undefined;
  return {
    path: told?.path ?? protocolOf(transport),
    measured: measured
      ? { lost: measured.lost, roundTrip: measured.roundTrip, jitter: measured.jitter }
      : null,
    encodings: [...(measured?.encodings ?? [])],
    told: told
      ? {
          ...pictureOf(told),
          bitrate: told.bitrate,
          limitation: told.limitation,
          roundTrip: told.roundTrip,
          lost: told.lost,
        }
      : null,
  };
}
