import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ReceivingStats } from '../lib/receiving-stats.ts';
import type { Graph } from './graph.ts';
import { Panel } from './panel.tsx';
import type { Player } from './player.ts';
import { t } from './text.ts';

type Props = { player: Player; video: RefObject<HTMLVideoElement | null>; onClose(): void };

/** Statistics for the curious, and for whoever is asked what is wrong. */
export function Stats({ player, video, onClose }: Props) {
  const { viewer, target } = player;
  const [stats, setStats] = useState<ReceivingStats>();
  useEffect(() => viewer.on('stats', setStats), [viewer]);
  return (
    <Panel id="stats" title={t('stats')} onClose={onClose}>
      <dl class="figures">
        <Figure name={t('stats.stream')} value={target?.identifier ?? t('stats.none')} />
        {stats && figuresOf(stats).map(([name, value]) => <Figure key={name} {...{ name, value }} />)}
        {stats && <Figure name={t('stats.window')} value={windowOf(video.current)} />}
      </dl>
      {stats ? <StatsGraph stats={stats} /> : <p class="panel-note">{t('stats.wait')}</p>}
    </Panel>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function figuresOf(stats: ReceivingStats): [name: string, value: string][] {
  const { width, height, frameRate, lost, packetsLost } = stats;
  const ms = (value: number) => t('stats.ms', { value: value.toFixed(0) });
  const percent = (share: number) => (share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0);
  const picture = t('stats.picture.value', { width, height, rate: frameRate.toFixed(0) });
  return [
    [t('stats.picture'), height > 0 ? picture : t('stats.none')],
    [t('stats.codec'), stats.codec || t('stats.none')],
    [t('stats.bitrate'), t('stats.bits', { value: (stats.bitrate / 1e6).toFixed(2) })],
    [t('stats.latency'), ms(stats.latency)],
    [t('stats.buffer'), ms(stats.jitterBufferDelay)],
    [t('stats.jitter'), ms(stats.jitter)],
    [t('stats.roundTrip'), ms(stats.roundTrip)],
    [t('stats.loss'), t('stats.lossValue', { share: percent(lost), count: packetsLost })],
    [t('stats.dropped'), t('stats.percent', { value: percent(stats.framesDropped) })],
    [t('stats.decode'), t('stats.decodeValue', { ms: stats.decodeTime.toFixed(1) })],
    [t('stats.path'), t(`stats.path.${stats.path}`)],
  ];
}

/** In device pixels, as the picture is drawn. */
function windowOf(video: HTMLVideoElement | null): string {
  const of = (size = 0) => Math.round(size * devicePixelRatio);
  return t('stats.size', { width: of(video?.clientWidth), height: of(video?.clientHeight) });
}

/** The library that draws it is fetched when somebody looks. */
function StatsGraph({ stats }: { stats: ReceivingStats }) {
  const holder = useRef<HTMLDivElement>(null);
  const graph = useRef<Graph>(null);
  useEffect(() => {
    let closed = false;
    void import('./graph.ts').then(({ drawGraph }) => {
      if (!closed && holder.current) graph.current = drawGraph(holder.current);
    });
    return () => {
      closed = true;
      graph.current?.close();
    };
  }, []);
  useEffect(() => graph.current?.add(stats), [stats]);
  return (
    <>
      <p class="graph-key" aria-hidden="true">
        <span>{t('stats.key.bitrate')}</span>
        <span>{t('stats.key.buffer')}</span>
      </p>
      <div id="graph" ref={holder} class="graph" role="img" aria-label={t('stats.graph')} />
    </>
  );
}
