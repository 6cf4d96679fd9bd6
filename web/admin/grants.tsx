import { useState } from 'preact/hooks';
import type { MadeGrant } from '../../server/protocol/live.ts';
import { CopyButton } from '../base/copy.tsx';
import { formatDate } from '../base/format.ts';
import type { Actions, NewGrant } from './actions.ts';
import { ConfirmButton } from './confirm.tsx';
import { tellOutcome } from './outcome.tsx';
import { t } from './text.ts';

const ACTIONS = ['publish', 'watch', 'record', 'administer'] as const;
const HOUR = 3600;
const LIFETIMES = [HOUR, 8 * HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR, 365 * 24 * HOUR] as const;

export function Grants({ actions }: { actions: Actions }) {
  // What was made is known to this page alone, and only as long as it is open.
  const [made, setMade] = useState<readonly MadeGrant[]>([]);
  return (
    <>
      <MakeGrant actions={actions} onMade={(grant) => setMade([grant, ...made])} />
      {made.map((grant) => (
        <Made key={grant.jti} grant={grant} actions={actions} />
      ))}
      <RevokeGrant actions={actions} />
    </>
  );
}

function MakeGrant({ actions, onMade }: { actions: Actions; onMade(grant: MadeGrant): void }) {
  const [action, setAction] = useState<NewGrant['action']>('watch');
  const [busy, setBusy] = useState(false);
  const make = async (form: HTMLFormElement) => {
    setBusy(true);
    await tellOutcome(async () => {
      const grant = await actions.makeGrant(readForm(new FormData(form), action));
      onMade(grant);
      return t('done.grant', { action: t(`grant.${grant.action}`) });
    });
    setBusy(false);
  };
  return (
    <form
      class="panel form"
      id="make-grant"
      onSubmit={(event) => {
        event.preventDefault();
        void make(event.currentTarget);
      }}
    >
      <h2>{t('grants.make')}</h2>
      <p class="muted">{t('grants.about')}</p>
      <div class="fields">
        <div class="field">
          <label for="grant-action">{t('grants.action')}</label>
          <select
            id="grant-action"
            class="input"
            value={action}
            onChange={({ currentTarget }) =>
              setAction(ACTIONS.find((each) => each === currentTarget.value) ?? 'watch')
            }
          >
            {ACTIONS.map((each) => (
              <option key={each} value={each}>
                {t(`grant.${each}`)}
              </option>
            ))}
          </select>
        </div>
        {action !== 'administer' && (
          <div class="field">
            <label for="grant-stream">{t('grants.stream')}</label>
            <input
              id="grant-stream"
              name="stream"
              class="input"
              required
              maxLength={64}
              pattern="[A-Za-z0-9_*\-]+"
              title={t('grants.stream.rule')}
              placeholder="lecture-1"
              autocomplete="off"
            />
          </div>
        )}
        <div class="field">
          <label for="grant-ttl">{t('grants.ttl')}</label>
          <select id="grant-ttl" name="ttl" class="input">
            {LIFETIMES.map((seconds) => (
              <option key={seconds} value={seconds} selected={seconds === 24 * HOUR}>
                {seconds < 24 * HOUR
                  ? t('grants.hours', { count: seconds / HOUR })
                  : t('grants.days', { count: seconds / HOUR / 24 })}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="grant-subject">{t('grants.subject')}</label>
          <input id="grant-subject" name="subject" class="input" maxLength={256} autocomplete="off" />
        </div>
        {action === 'publish' && <Limits />}
      </div>
      <button type="submit" class="button primary" disabled={busy}>
        {t('grants.make')}
      </button>
    </form>
  );
}

function Limits() {
  return (
    <>
      {(['viewers', 'bitrate', 'streams'] as const).map((name) => (
        <div class="field" key={name}>
          <label for={`grant-${name}`}>{t(`grants.limit.${name}`)}</label>
          <input
            id={`grant-${name}`}
            name={name}
            class="input"
            type="number"
            min={name === 'bitrate' ? 50 : name === 'streams' ? 1 : 0}
            max={1_000_000}
            placeholder={t('grants.limit.none')}
          />
        </div>
      ))}
    </>
  );
}

function readForm(data: FormData, action: NewGrant['action']): NewGrant {
  const of = (name: string) => String(data.get(name) ?? '').trim();
  const subject = of('subject');
  const limits: NonNullable<NewGrant['limits']> = {};
  if (of('viewers')) limits.viewers = Number(of('viewers'));
  // People think of it in kbit/s.
  if (of('bitrate')) limits.bitrate = Number(of('bitrate')) * 1000;
  if (of('streams')) limits.streams = Number(of('streams'));
  return { action, stream: of('stream') || '*', ttl: Number(of('ttl')), ...(subject && { subject }), limits };
}

function Made({ grant, actions }: { grant: MadeGrant; actions: Actions }) {
  const { jti, action, stream, subject, expires, uses, note, token } = grant;
  return (
    <section class="panel made" data-jti={jti} aria-label={t('grants.made')}>
      <div class="panel-head">
        <h2>
          {t(`grant.${action}`)} {stream !== '*' && <code>{stream}</code>}
        </h2>
        <ConfirmButton
          class="revoke"
          label={t('action.revokeThis')}
          title={t('confirm.revokeThis')}
          text={t('confirm.revoke.text')}
          run={() => actions.revoke({ jti })}
        />
      </div>
      <p class="muted small">
        {t('grants.until', { until: formatDate(expires) })}
        {subject && ` ${t('grants.held', { subject })}`}
      </p>
      {uses.map(({ name, url, link }) => (
        <Use key={name} name={name} text={hereFor(url)} link={link} />
      ))}
      {uses.some(({ link }) => !link) && <Use name={t('grants.token')} text={token} link={false} />}
      {note && <p class="notice busy">{note}</p>}
      <p class="muted small">{t('grants.once')}</p>
    </section>
  );
}

function Use({ name, text, link }: { name: string; text: string; link: boolean }) {
  return (
    <div class="field use" data-name={name}>
      <span class="label">{name}</span>
      <div class="with-button">
        <input class="input" readOnly value={text} aria-label={name} data-link={link} />
        <CopyButton text={text} label={t('grants.copy', { name })} />
      </div>
    </div>
  );
}

const LOOPBACK = /^(localhost|127\.|\[::1\])/;

/** The operator reached the server by a name; others will too, unless it is one of this machine only. */
function hereFor(url: string): string {
  if (LOOPBACK.test(location.hostname) && !LOOPBACK.test(new URL(url).hostname)) return url;
  return url.replace(new URL(url).origin, location.origin);
}

function RevokeGrant({ actions }: { actions: Actions }) {
  const [by, setBy] = useState<'subject' | 'jti'>('subject');
  const [value, setValue] = useState('');
  const what = by === 'jti' ? { jti: value.trim() } : { subject: value.trim() };
  return (
    <section class="panel form" id="revoke" aria-labelledby="revoke-title">
      <h2 id="revoke-title">{t('grants.revoke')}</h2>
      <p class="muted">{t('grants.revoke.about')}</p>
      <div class="fields">
        <div class="field">
          <label for="revoke-by">{t('grants.revoke.by')}</label>
          <select
            id="revoke-by"
            class="input"
            value={by}
            onChange={({ currentTarget }) => setBy(currentTarget.value === 'jti' ? 'jti' : 'subject')}
          >
            <option value="subject">{t('grants.revoke.subject')}</option>
            <option value="jti">{t('grants.revoke.jti')}</option>
          </select>
        </div>
        <div class="field wide">
          <label for="revoke-value">
            {by === 'jti' ? t('grants.revoke.jti') : t('grants.revoke.subject')}
          </label>
          <input
            id="revoke-value"
            class="input"
            maxLength={256}
            autocomplete="off"
            value={value}
            onInput={({ currentTarget }) => setValue(currentTarget.value)}
          />
        </div>
      </div>
      <ConfirmButton
        id="revoke-button"
        label={t('action.revokeThis')}
        disabled={!value.trim()}
        title={by === 'jti' ? t('confirm.revokeThis') : t('confirm.revoke', { subject: value.trim() })}
        text={t('confirm.revoke.text')}
        run={() => actions.revoke(what)}
      />
    </section>
  );
}
