import { render } from 'preact';
import '../base/base.css';
import './recordings.css';
import { Header } from '../base/header.tsx';
import { RecordingsPage } from './page.tsx';

const root = document.getElementById('app');
if (root) {
  render(
    <>
      <Header />
      <RecordingsPage />
    </>,
    root,
  );
}
