import { useEffect, useRef, useState } from 'preact/hooks';
import type { About, Worker } from '../../server/protocol/live.ts';
import { formatBytes } from '../base/format.ts';
import { formatShare, NONE } from './format.ts';
import type { Graph } from './graph.ts';
import type { Loads } from './model.ts';
import { scrolled } from './scrolled.ts';
import { t } from './text.ts';

type Props = { workers: readonly Worker[]; deaths: number; about: About; loads: Loads };

export function Workers({ workers, deaths, about, loads }: Props) {
  return (
    <section class="panel" aria-labelledby="workers-title">
      <div class="panel-head">
        <h2 id="workers-title">{t('workers')}</h2>
        <p class="muted small">
          {t('workers.alive', { alive: workers.length, count: about.workers })}
          {deaths > 0 && `, ${t('workers.deaths', { count: deaths })}`}
        </p>
      </div>
      <LoadGraph loads={loads} limit={about.maxLoad} />
      <div class="table-frame" {...scrolled(t('workers.caption'))}>
        <table class="plain" id="workers">
          <caption class="visually-hidden">{t('workers.caption')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('column.worker')}</th>
              <th scope="col" class="number">
                {t('workers.load')}
              </th>
              <th scope="col" class="number">
                {t('workers.transports')}
              </th>
              <th scope="col" class="number wide-only">
                {t('workers.pipes')}
              </th>
              <th scope="col" class="number">
                {t('workers.memory')}
              </th>
              <th scope="col" class="number wide-only">
                {t('workers.pid')}
              </th>
            </tr>
          </thead>
          <tbody>
            {workers.map(({ index, pid, load, transports, pipes, memory }) => (
              <tr key={index} data-key={index}>
                <td>
                  <span class="swatch" data-line={index % 8} aria-hidden="true" /> {index}
                </td>
                <td class="number">{formatShare(load)}</td>
                <td class="number">{transports}</td>
                <td class="number wide-only">{pipes}</td>
                <td class="number">{memory === null ? NONE : formatBytes(memory)}</td>
                <td class="number wide-only">{pid}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The table beside it says the same in numbers. */
function LoadGraph({ loads, limit }: { loads: Loads; limit: number }) {
  const place = useRef<HTMLDivElement>(null);
  const graph = useRef<Graph | undefined>(undefined);
  const [failed, setFailed] = useState(false);
  const count = loads.lines.length;
  const latest = useRef(loads);
  latest.current = loads;
  useEffect(() => {
    let gone = false;
    import('./graph.ts').then(
      ({ drawLoads }) => {
        if (gone || !place.current) return;
        graph.current = drawLoads(place.current, { lines: count, limit });
        graph.current.show(latest.current);
      },
      () => setFailed(true),
    );
    return () => {
      gone = true;
      graph.current?.close();
      graph.current = undefined;
    };
  }, [count, limit]);
  useEffect(() => graph.current?.show(loads), [loads]);
  if (failed) return <p class="muted">{t('graph.failed')}</p>;
  return <div ref={place} class="graph" id="load-graph" role="img" aria-label={t('graph.load', { count })} />;
}
