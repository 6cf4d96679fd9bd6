import { render } from 'preact';
import '../base/base.css';
import './publish.css';
import { Header } from '../base/header.tsx';
import { PublishPage } from './page.tsx';

const root = document.getElementById('app');
if (root) {
  render(
    <>
      <Header page="publish" />
      <PublishPage />
    </>,
    root,
  );
}
