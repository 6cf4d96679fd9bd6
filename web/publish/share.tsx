import { CopyButton } from '../base/copy.tsx';
import { watchPath } from '../base/identifier.ts';

/** What to send to those who shall watch. */
export function Share({ stream }: { stream: string }) {
  const link = new URL(watchPath(stream), location.href).href;
  return (
    <section class="card share" aria-labelledby="share-title">
      <h2 id="share-title">Invite viewers</h2>
      <div class="field">
        <div class="value-head">
          <span class="label">Watch link</span>
          <CopyButton text={link} label="Copy the watch link" />
        </div>
        <a id="watch-link" class="value" href={link} target="_blank" rel="noreferrer">
          {link}
        </a>
        {isThisComputerOnly(location.hostname) && (
          <p class="hint">
            This link works on this computer only. For others, put this computer’s address in place of “
            {location.hostname}”.
          </p>
        )}
      </div>
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

function isThisComputerOnly(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
