import { render } from 'preact';
import '../base/base.css';
import '../player/player.css';
import './watch.css';
import { Header } from '../base/header.tsx';
import { load as loadBase } from '../base/text.ts';
import { load } from '../player/text.ts';
import { WatchPage } from './page.tsx';

const root = document.getElementById('app');
await Promise.all([load(), loadBase()]);
if (root) {
  render(
    <>
      <Header page="watch" />
      <WatchPage />
    </>,
    root,
  );
}
