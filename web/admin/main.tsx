import { render } from 'preact';
import '../base/base.css';
import './admin.css';
import { Header } from '../base/header.tsx';
import { load as loadBase } from '../base/text.ts';
import { AdminPage } from './page.tsx';
import { load } from './text.ts';

await Promise.all([loadBase(), load()]);
const root = document.getElementById('app');
if (root) {
  render(
    <>
      <Header />
      <AdminPage />
    </>,
    root,
  );
}
