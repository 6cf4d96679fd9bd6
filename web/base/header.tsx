import { Logo } from './icons.tsx';

type Page = 'publish' | 'watch';

export function Header({ page }: { page?: Page }) {
  return (
    <header class="header">
      <a class="brand" href="/">
        <Logo />
        Pharos
      </a>
      <nav aria-label="Main">
        <a href="/publish" aria-current={page === 'publish' ? 'page' : undefined}>
          Publish
        </a>
        <a href="/watch" aria-current={page === 'watch' ? 'page' : undefined}>
          Watch
        </a>
      </nav>
    </header>
  );
}
