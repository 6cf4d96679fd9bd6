import { render } from 'preact';
import '../base/base.css';
import './home.css';
import { Header } from '../base/header.tsx';
import { watchLink } from '../base/identifier.ts';
import { IdentifierForm } from '../base/identifier-form.tsx';

function Home() {
  return (
    <>
      <Header />
      <main class="home">
        <div class="intro">
          <h1>Go live from your browser</h1>
          <p class="lead">
            Pharos carries your camera and microphone to many viewers at once, with less than a second of
            delay, through your own server.
          </p>
        </div>
        <div class="ways">
          <section class="card" aria-labelledby="publish-title">
            <h2 id="publish-title">Publish</h2>
            <p class="muted">Choose a camera, press Start, send the link to your viewers.</p>
            <a class="button primary large" href="/publish">
              Publish a stream
            </a>
          </section>
          <section class="card" aria-labelledby="watch-title">
            <h2 id="watch-title">Watch</h2>
            <p class="muted">It plays right here, with nothing to install.</p>
            <IdentifierForm onWatch={(identifier, key) => location.assign(watchLink(identifier, key))} />
          </section>
        </div>
      </main>
    </>
  );
}

const root = document.getElementById('app');
if (root) render(<Home />, root);
