import { Logo } from './icons.tsx';
import { t } from './text.ts';

type Page = 'publish' | 'watch';

export function Header({ page }: { page?: Page }) {
  return (
    <header class="header">
      <a class="brand" href="/">
        <Logo />
        Pharos
      </a>
      <nav aria-label={t('nav')}>
        <a href="/publish" aria-current={page === 'publish' ? 'page' : undefined}>
          {t('nav.publish')}
        </a>
        <a href="/watch" aria-current={page === 'watch' ? 'page' : undefined}>
          {t('nav.watch')}
        </a>
      </nav>
    </header>
  );
}
