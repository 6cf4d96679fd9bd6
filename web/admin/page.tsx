import { useEffect, useMemo, useState } from 'preact/hooks';
import { ADMIN_KEY } from '../base/admin-api.ts';
import { sentence } from '../base/explain.ts';
import { identifierIn } from '../base/identifier.ts';
import { rememberKey, takeKey } from '../base/key.ts';
import { KeyForm } from '../base/key-form.tsx';
import { Notice } from '../base/notice.tsx';
import { StatusLight } from '../base/status.tsx';
import { useLatest } from '../base/use-events.ts';
import { Actions } from './actions.ts';
import { Cameras } from './cameras.tsx';
import { Feed, type FeedStatus } from './feed.ts';
import { formatSpan } from './format.ts';
import { Grants } from './grants.tsx';
import { judge } from './judge.ts';
import { isKnown, type Known } from './model.ts';
import { OutcomeBar } from './outcome.tsx';
import { Overview } from './overview.tsx';
import { Recordings } from './recordings.tsx';
import { Settings } from './settings.tsx';
import { StreamDetail } from './stream-detail.tsx';
import { t } from './text.ts';

const TABS = ['overview', 'cameras', 'recordings', 'grants', 'settings'] as const;
type Tab = (typeof TABS)[number];
type Place = { tab: Tab; stream?: string };

export function AdminPage() {
  const [key, setKey] = useState(() => takeKey(ADMIN_KEY) ?? '');
  const [refused, setRefused] = useState<string | undefined>();
  const enter = (entered: string) => {
    rememberKey(ADMIN_KEY, entered);
    setRefused(undefined);
    setKey(entered);
  };
  const leave = (why?: string) => {
    rememberKey(ADMIN_KEY, undefined);
    setRefused(why);
    setKey('');
  };
  if (key) return <Session key={key} adminKey={key} onLeave={leave} />;
  return (
    <main class="admin">
      <KeyForm title={t('title')} action={t('enter')} refused={refused} onKey={enter}>
        {t('enter.about')}
      </KeyForm>
    </main>
  );
}

type SessionProps = {
  adminKey: string;
  /** With a reason, where the server does not take the key, or not any more. */
  onLeave(why?: string): void;
};

function Session({ adminKey, onLeave }: SessionProps) {
  const feed = useMemo(() => new Feed(adminKey), [adminKey]);
  const actions = useMemo(() => new Actions(adminKey), [adminKey]);
  const status: FeedStatus = useLatest(feed, 'status', feed.status);
  const model = useLatest(feed, 'model', feed.model);
  const place = usePlace();
  useEffect(() => () => feed.close(), [feed]);
  useEffect(() => feed.open(place.stream ?? null), [feed, place.stream]);
  useEffect(() => {
    if (status.state === 'refused') onLeave(sentence(status.message));
  });
  return (
    <main class="admin" data-feed={status.state}>
      <div class="admin-head">
        <h1>{t('title')}</h1>
        {isKnown(model) && <Light known={model} lost={status.state === 'lost'} />}
        <button type="button" id="logout" class="button small-button" onClick={() => onLeave()}>
          {t('logout')}
        </button>
      </div>
      <nav class="tabs" aria-label={t('tabs')}>
        {TABS.map((tab) => (
          <a key={tab} href={`#${tab}`} aria-current={place.tab === tab ? 'page' : undefined}>
            {t(`tab.${tab}`)}
          </a>
        ))}
      </nav>
      {status.state === 'lost' && (
        <Notice tone="busy" title={t('lost')}>
          {isKnown(model)
            ? t('lost.since', { time: new Date(model.at).toLocaleTimeString() })
            : t('lost.never')}
        </Notice>
      )}
      {isKnown(model) ? (
        <Content known={model} place={place} actions={actions} />
      ) : (
        status.state !== 'lost' && <p class="muted">{t('loading')}</p>
      )}
      <OutcomeBar />
    </main>
  );
}

function Content({ known, place, actions }: { known: Known; place: Place; actions: Actions }) {
  const { parts, streams, opened, at } = known;
  if (place.stream !== undefined) {
    const detail = opened?.stream === place.stream ? opened.detail : undefined;
    const row = streams.get(place.stream);
    return <StreamDetail stream={place.stream} row={row} detail={detail} now={at} actions={actions} />;
  }
  switch (place.tab) {
    case 'overview':
      return <Overview known={known} />;
    case 'cameras':
      return <Cameras cameras={parts.cameras} now={at} actions={actions} />;
    case 'recordings':
      return (
        <Recordings
          actions={actions}
          running={parts.recordings.recording * 1000 + parts.recordings.finishing}
        />
      );
    case 'grants':
      return <Grants actions={actions} />;
    case 'settings':
      return <Settings actions={actions} />;
  }
}

/** How it stands, in a word, and why. */
function Light({ known: { parts, streams, about, at }, lost }: { known: Known; lost: boolean }) {
  const { tone, verdict, reasons, told } = judge(parts, streams.values(), about.maxLoad);
  const why = [told && sentence(told), ...reasons.map(({ what, values }) => t(`health.${what}`, values))]
    .filter(Boolean)
    .join(' ');
  return (
    <div class="health">
      <StatusLight
        state={lost ? 'lost' : tone}
        tone={lost ? 'idle' : tone}
        text={lost ? t('lost') : t(`health.${verdict}`)}
      />
      <p class="muted small" id="health-reasons">
        {why || t('health.since', { time: formatSpan(at - about.startedAt) })}
      </p>
    </div>
  );
}

/** What is shown follows the address, so that it can be linked to, and the back button works. */
function usePlace(): Place {
  const [place, setPlace] = useState(placeOf(location.hash));
  useEffect(() => {
    const onChange = () => setPlace(placeOf(location.hash));
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  return place;
}

function placeOf(hash: string): Place {
  const [name, id = ''] = hash.slice(1).split('/');
  const stream = name === 'stream' ? identifierIn(id) : undefined;
  if (stream !== undefined) return { tab: 'overview', stream };
  return { tab: TABS.find((tab) => tab === name) ?? 'overview' };
}
