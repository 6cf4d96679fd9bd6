import { render } from 'preact';
import '../base/base.css';
import './home.css';
import { Header } from '../base/header.tsx';
import { watchLink } from '../base/identifier.ts';
import { IdentifierForm } from '../base/identifier-form.tsx';
import { load as loadBase } from '../base/text.ts';
import { load, t } from './text.ts';

function Home() {
  return (
    <>
      <Header />
      <main class="home">
        <div class="intro">
          <h1>{t('intro')}</h1>
          <p class="lead">{t('lead')}</p>
        </div>
        <div class="ways">
          <section class="card" aria-labelledby="publish-title">
            <h2 id="publish-title">{t('publish')}</h2>
            <p class="muted">{t('publish.how')}</p>
            <a class="button primary large" href="/publish">
              {t('publish.go')}
            </a>
          </section>
          <section class="card" aria-labelledby="watch-title">
            <h2 id="watch-title">{t('watch')}</h2>
            <p class="muted">{t('watch.how')}</p>
            <IdentifierForm onWatch={(identifier, key) => location.assign(watchLink(identifier, key))} />
          </section>
        </div>
        <p class="operator muted small">
          {t('operator')} <a href="/admin">{t('operator.admin')}</a>{' '}
          <a href="/recordings">{t('operator.recordings')}</a> <a href="/api/docs">{t('operator.api')}</a>
        </p>
      </main>
    </>
  );
}

await Promise.all([loadBase(), load()]);
document.title = t('title');
const root = document.getElementById('app');
if (root) render(<Home />, root);
