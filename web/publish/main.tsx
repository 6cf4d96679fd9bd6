import { render } from 'preact';
import '../base/base.css';
import './publish.css';
import './controls.css';
import { Header } from '../base/header.tsx';
import { load as loadBase } from '../base/text.ts';
import { PublishPage } from './page.tsx';
import { load } from './text.ts';

const root = document.getElementById('app');
await Promise.all([load(), loadBase()]);
if (root) {
  render(
    <>
      <Header page="publish" />
      <PublishPage />
    </>,
    root,
  );
}
