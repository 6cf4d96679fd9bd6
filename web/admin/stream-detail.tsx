import { useEffect, useRef } from 'preact/hooks';
import { type Detail, type StreamRow, VIEWERS_SHOWN } from '../../server/protocol/live.ts';
import { watchPath } from '../base/identifier.ts';
import type { Actions } from './actions.ts';
import { ActionButton, ConfirmButton } from './confirm.tsx';
import { Fact } from './fact.tsx';
import { formatBitrate, formatMs, formatPicture, formatShare, formatSpan, NONE } from './format.ts';
import { Revoke } from './revoke.tsx';
import { codecsOf, limitationOf, TONES } from './streams.tsx';
import { t } from './text.ts';
import { Viewers } from './viewers.tsx';

type Props = {
  stream: string;
  row: StreamRow | undefined;
  /** Undefined until the server has told of it. */
  detail: Detail | null | undefined;
  now: number;
  actions: Actions;
};

/** One stream: who sends it and how, who watches it and how that goes. */
export function StreamDetail({ stream, row, detail, now, actions }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [stream]);
  return (
    <>
      <div class="panel-head detail-head">
        <div>
          <a href="#overview" class="back">
            {t('detail.back')}
          </a>
          <h2 ref={heading} tabIndex={-1}>
            {row?.title ? `${row.title} (${stream})` : stream}
          </h2>
        </div>
        {row && <StreamActions row={row} actions={actions} />}
      </div>
      {detail === null || (detail && !row) ? (
        <p class="panel muted" id="stream-gone">
          {t('detail.gone')}
        </p>
      ) : (
        <>
          <PublisherPanel stream={stream} row={row} detail={detail} now={now} actions={actions} />
          <Viewers stream={stream} detail={detail} now={now} actions={actions} most={VIEWERS_SHOWN} />
        </>
      )}
    </>
  );
}

function StreamActions({
  row: { stream, recording, publisher, camera, viewers },
  actions,
}: {
  row: StreamRow;
  actions: Actions;
}) {
  return (
    <div class="row">
      <a class="button small-button" href={watchPath(stream)}>
        {t('detail.watch')}
      </a>
      {recording ? (
        <ConfirmButton
          id="record-stop"
          label={t('action.recordStop')}
          title={t('confirm.recordStop', { stream })}
          text={t('confirm.recordStop.text')}
          run={() => actions.stopRecording(stream)}
        />
      ) : (
        <ActionButton
          id="record"
          label={t('action.record')}
          disabled={!publisher}
          run={() => actions.record(stream)}
        />
      )}
      {!camera && (
        <ConfirmButton
          id="stop-stream"
          label={t('action.stop')}
          title={t('confirm.stop', { stream })}
          text={t('confirm.stop.text', { count: viewers })}
          run={() => actions.stopStream(stream)}
        />
      )}
    </div>
  );
}

function PublisherPanel({
  stream,
  row,
  detail,
  now,
  actions,
}: Omit<Props, 'detail'> & { detail: Detail | undefined }) {
  const publisher = row?.publisher;
  const told = detail?.publisher?.told;
  const measured = detail?.publisher?.measured;
  return (
    <section class="panel" aria-labelledby="publisher-title">
      <div class="panel-head">
        <h2 id="publisher-title">
          {t('publisher')}{' '}
          {row && (
            <span class="tone" data-tone={TONES[row.state]}>
              {t(`state.${row.state}`)}
            </span>
          )}
        </h2>
        {publisher && !row?.camera && (
          <div class="row">
            <ConfirmButton
              id="kick-publisher"
              label={t('action.kickPublisher')}
              title={t('confirm.kickPublisher', { stream })}
              text={t('confirm.kickPublisher.text')}
              run={() => actions.kick(stream, publisher.id, t('publisher'))}
            />
            <Revoke subject={publisher.subject} actions={actions} />
          </div>
        )}
      </div>
      {detail?.notices.map(({ code, message }) => (
        <p key={code} class="notice busy">
          {message}
        </p>
      ))}
      {publisher ? (
        <dl class="facts">
          <Fact name={t('fact.from')}>
            {row?.camera ? t('protocol.camera') : t(`protocol.${publisher.protocol ?? 'websocket'}`)},{' '}
            {publisher.address}
          </Fact>
          <Fact name={t('fact.subject')}>{publisher.subject || NONE}</Fact>
          <Fact name={t('fact.since')}>{formatSpan(now - publisher.since)}</Fact>
          <Fact name={t('fact.media')}>{codecsOf(publisher) || NONE}</Fact>
          <Fact name={t('fact.picture')}>{formatPicture(publisher.picture)}</Fact>
          <Fact name={t('fact.received')}>{formatBitrate(publisher.bitrate)}</Fact>
          <Fact name={t('fact.lost')}>{formatShare(told?.lost ?? measured?.lost)}</Fact>
          <Fact name={t('fact.roundTrip')}>{formatMs(told?.roundTrip ?? measured?.roundTrip)}</Fact>
          <Fact name={t('fact.jitter')}>{formatMs(measured?.jitter)}</Fact>
          <Fact name={t('fact.path')}>
            {detail?.publisher?.path ? t(`path.${detail.publisher.path}`) : NONE}
          </Fact>
          <Fact name={t('fact.limitation')}>
            {told
              ? told.limitation === 'none'
                ? t('limitation.none')
                : limitationOf(told.limitation)
              : NONE}
          </Fact>
          <Fact name={t('fact.worker')}>{publisher.worker}</Fact>
          <Fact wide name={t('fact.encodings')}>
            {detail?.publisher?.encodings.map(({ kind, rid, bitrate, score }) => (
              <span key={`${kind}${rid}`} class="encoding">
                {t(`kind.${kind}`)} {rid && `${rid} `}
                {formatBitrate(bitrate)} <span class="muted">{t('score', { score })}</span>
              </span>
            ))}
          </Fact>
        </dl>
      ) : (
        <p class="muted">{row?.state === 'away' ? t('publisher.away') : t('publisher.none')}</p>
      )}
    </section>
  );
}
