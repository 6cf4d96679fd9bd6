import type { ComponentType } from 'preact';
import { useState } from 'preact/hooks';
import { CopyButton } from '../base/copy.tsx';
import { watchPath } from '../base/identifier.ts';
import type { Published } from '../lib/publisher-facts.ts';
import { embedCode } from './embed.ts';
import { t } from './text.ts';

/** What to send to those who shall watch. */
export function Share({ stream, watchUrl }: Published) {
  const link = new URL(watchPath(stream), location.href).href;
  const onlyHere = isThisComputerOnly(location.hostname);
  const forOthers = onlyHere ? watchUrl : undefined;
  const best = forOthers ?? link;
  return (
    <section class="card share" aria-labelledby="share-title">
      <h2 id="share-title">{t('share.title')}</h2>
      {forOthers && <Link id="watch-url" label={t('share.link')} link={forOthers} />}
      <Link id="watch-link" label={t(forOthers ? 'share.linkHere' : 'share.link')} link={link} />
      {onlyHere && !forOthers && <p class="hint">{t('share.hereOnly', { host: location.hostname })}</p>}
      <Code link={best} />
      <Value id="stream-id" label={t('share.identifier')} copies={t('share.copyIdentifier')} text={stream} />
      <Value
        id="embed-code"
        label={t('share.embed')}
        copies={t('share.copy', { label: t('share.embed') })}
        text={embedCode(best, stream)}
        oneLine
      />
    </section>
  );
}

function Link({ id, label, link }: { id: string; label: string; link: string }) {
  return (
    <div class="field">
      <div class="value-head">
        <span class="label">{label}</span>
        <CopyButton text={link} label={t('share.copy', { label })} />
      </div>
      <a id={id} class="value" href={link} target="_blank" rel="noreferrer">
        {link}
      </a>
    </div>
  );
}

type ValueProps = { id: string; label: string; copies: string; text: string; oneLine?: boolean };

/** `oneLine`: to be copied rather than read. */
function Value({ id, label, copies, text, oneLine = false }: ValueProps) {
  return (
    <div class="field">
      <div class="value-head">
        <span class="label">{label}</span>
        <CopyButton text={text} label={copies} />
      </div>
      <span id={id} class={oneLine ? 'value one-line' : 'value'}>
        {text}
      </span>
    </div>
  );
}

/** To be filmed by phones from the wall; what draws it is fetched when it is wanted. */
function Code({ link }: { link: string }) {
  const [Qr, setQr] = useState<ComponentType<{ text: string }> | undefined>();
  const toggle = async () => {
    const shown = Qr ? undefined : (await import('./qr.tsx')).Qr;
    setQr(() => shown);
  };
  return (
    <div class="field">
      <button id="qr-toggle" type="button" class="button" aria-expanded={Boolean(Qr)} onClick={toggle}>
        {t(Qr ? 'share.qrHide' : 'share.qr')}
      </button>
      {Qr && <Qr text={link} />}
    </div>
  );
}

function isThisComputerOnly(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
