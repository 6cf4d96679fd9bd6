/** Lines over time, by uPlot; loaded when the first one is shown. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Loads } from './model.ts';
import { t } from './text.ts';

export type Graph = { show(loads: Loads): void; close(): void };

const HEIGHT = 180;
/** As .swatch in admin.css. */
const COLOURS = 8;

/** The workers' load, and the limit above which they take no more. */
export function drawLoads(place: HTMLElement, { lines, limit }: { lines: number; limit: number }): Graph {
  let loads: Loads = { times: [], lines: [] };
  let plot = create();
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const onScheme = () => {
    plot.destroy();
    plot = create();
  };
  scheme.addEventListener('change', onScheme);
  const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
  resized.observe(place);

  function create(): uPlot {
    const style = getComputedStyle(place);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const [text, line, bad] = [
      resolved(place, '--muted'),
      resolved(place, '--line'),
      resolved(place, '--bad'),
    ];
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    return new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { points: { size: 6 }, drag: { setScale: false } },
        scales: { y: { range: [0, 1] } },
        axes: [
          { ...axis, space: 100, values: (_, ticks) => timesOf(ticks) },
          { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => `${Math.round(tick * 100)} %`) },
        ],
        series: [
          {},
          ...Array.from({ length: lines }, (_, index) => ({
            label: t('graph.worker', { worker: index }),
            stroke: resolved(place, `--line-${index % COLOURS}`) || colour('--accent'),
            width: 2,
            points: { show: false },
          })),
          { label: t('graph.limit'), stroke: bad, width: 1, dash: [6, 6], points: { show: false } },
        ],
      },
      dataOf(loads, limit),
      place,
    );
  }

  return {
    show: (latest) => {
      loads = latest;
      plot.setData(dataOf(loads, limit));
    },
    close: () => {
      scheme.removeEventListener('change', onScheme);
      resized.disconnect();
      plot.destroy();
    },
  };
}

/** In the reader's way of writing times; seconds only where they differ. */
function timesOf(ticks: readonly number[]): string[] {
  const seconds = ticks.some((tick) => tick % 60 !== 0);
  const style: Intl.DateTimeFormatOptions = {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  };
  if (seconds) style.second = '2-digit';
  return ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString(undefined, style));
}

function dataOf({ times, lines }: Loads, limit: number): uPlot.AlignedData {
  return [times, ...lines, times.map(() => limit)];
}

/** A canvas takes no `light-dark()`: what it comes to just now. */
function resolved(place: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
