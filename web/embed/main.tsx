import { render } from 'preact';
import '../base/base.css';
import '../player/player.css';
import './embed.css';
import { load as loadBase } from '../base/text.ts';
import { load } from '../player/text.ts';
import { EmbedPage } from './page.tsx';

const root = document.getElementById('app');
await Promise.all([load(), loadBase()]);
if (root) render(<EmbedPage />, root);
