import { CopyButton } from '../base/copy.tsx';
import { watchPath } from '../base/identifier.ts';
import type { Published } from '../lib/publisher.ts';

/** What to send to those who shall watch. */
export function Share({ stream, watchUrl }: Published) {
  const link = new URL(watchPath(stream), location.href).href;
  const onlyHere = isThisComputerOnly(location.hostname);
  const forOthers = onlyHere ? watchUrl : undefined;
  return (
    <section class="card share" aria-labelledby="share-title">
      <h2 id="share-title">Invite viewers</h2>
      {forOthers && <Link id="watch-url" label="Watch link" link={forOthers} />}
      <Link id="watch-link" label={forOthers ? 'On this computer' : 'Watch link'} link={link} />
      {onlyHere && !forOthers && (
        <p class="hint">
          This link works on this computer only. For others, put this computer’s address in place of “
          {location.hostname}”.
        </p>
      )}
      <div class="field">
        <div class="value-head">
          <span class="label">Stream identifier</span>
          <CopyButton text={stream} label="Copy the stream identifier" />
        </div>
        <span id="stream-id" class="value">
          {stream}
        </span>
      </div>
    </section>
  );
}

function Link({ id, label, link }: { id: string; label: string; link: string }) {
  return (
    <div class="field">
      <div class="value-head">
        <span class="label">{label}</span>
        <CopyButton text={link} label={`Copy: ${label}`} />
      </div>
      <a id={id} class="value" href={link} target="_blank" rel="noreferrer">
        {link}
      </a>
    </div>
  );
}

function isThisComputerOnly(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
