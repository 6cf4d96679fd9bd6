import uPlot from 'uplot';
import css from 'uplot/dist/uPlot.min.css?inline';
import type { ReceivingStats } from '../lib/receiving-stats.ts';
import { t } from './text.ts';

export type Graph = { add(stats: ReceivingStats): void; close(): void };

/** Two minutes of a report every two seconds. */
const POINTS = 60;
const STEP = 2;
const HEIGHT = 120;
const BITRATE = '#4cc3dd';
const BUFFER = '#fbbf24';
const AXIS = {
  stroke: '#b6c0c6',
  grid: { stroke: 'rgb(255 255 255 / 12%)', width: 1 },
  ticks: { show: false },
};

/** Bitrate and jitter buffer over the last two minutes, redrawn with each report. */
export function drawGraph(holder: HTMLElement): Graph {
  const undress = dress(holder);
  const x = Array.from({ length: POINTS }, (_, index) => (index - POINTS + 1) * STEP);
  const bitrate: (number | null)[] = x.map(() => null);
  const buffer: (number | null)[] = x.map(() => null);
  const graph = new uPlot(
    {
      width: holder.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        bitrate: { range: (_plot, _low, high) => [0, Math.max(0.1, high * 1.1)] },
        buffer: { range: (_plot, _low, high) => [0, Math.max(100, high * 1.1)] },
      },
      axes: [
        { ...AXIS, show: false },
        { ...AXIS, scale: 'bitrate', stroke: BITRATE, size: 34, space: 30 },
        { ...AXIS, scale: 'buffer', side: 1, stroke: BUFFER, size: 40, space: 30, grid: { show: false } },
      ],
      series: [
        {},
        {
          label: t('stats.bitrate'),
          scale: 'bitrate',
          stroke: BITRATE,
          fill: `${BITRATE}33`,
          width: 2,
          points: { show: false },
        },
        { label: t('stats.buffer'), scale: 'buffer', stroke: BUFFER, width: 2, points: { show: false } },
      ],
    },
    [x, bitrate, buffer],
    holder,
  );
  const observer = new ResizeObserver(() => graph.setSize({ width: holder.clientWidth, height: HEIGHT }));
  observer.observe(holder);
  return {
    add(stats) {
      push(bitrate, stats.bitrate / 1e6);
      push(buffer, stats.jitterBufferDelay);
      graph.setData([x, bitrate, buffer]);
    },
    close() {
      observer.disconnect();
      graph.destroy();
      undress();
    },
  };
}

function push(values: (number | null)[], value: number): void {
  values.push(value);
  values.shift();
}

/** The library's style, in the page or the shadow tree where the graph is: a policy that forbids inline styles allows this. */
function dress(holder: HTMLElement): () => void {
  const root = holder.getRootNode();
  if (!(root instanceof Document || root instanceof ShadowRoot)) return () => {};
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  return () => {
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((each) => each !== sheet);
  };
}
