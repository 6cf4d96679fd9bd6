import { render } from 'preact';
import '../base/base.css';
import './docs.css';
import { Header } from '../base/header.tsx';
import { load as loadBase } from '../base/text.ts';
import { DocsPage } from './page.tsx';
import { load, t } from './text.ts';

await Promise.all([loadBase(), load()]);
document.title = `${t('title')} – Pharos`;
const root = document.getElementById('app');
if (root) {
  render(
    <>
      <Header />
      <DocsPage />
    </>,
    root,
  );
}
