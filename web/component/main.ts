/** `/pharos-player.js`: loading it makes `<pharos-player>` known. */
import { PharosPlayer } from './element.tsx';

if (!customElements.get('pharos-player')) customElements.define('pharos-player', PharosPlayer);

declare global {
  interface HTMLElementTagNameMap {
    'pharos-player': PharosPlayer;
  }
}
