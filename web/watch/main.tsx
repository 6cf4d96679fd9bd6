import { render } from 'preact';
import '../base/base.css';
import './watch.css';
import { Header } from '../base/header.tsx';
import { WatchPage } from './page.tsx';

const root = document.getElementById('app');
if (root) {
  render(
    <>
      <Header page="watch" />
      <WatchPage />
    </>,
    root,
  );
}
