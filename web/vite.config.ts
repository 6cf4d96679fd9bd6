import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { build, defineConfig, type Logger, type Plugin } from 'vite';
import { bundleSizes, bundleTable } from '../scripts/setup/bundles.mjs';
import { compressAll } from '../scripts/setup/compress.mjs';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const server = `http://localhost:${process.env.PHAROS_HTTP_PORT ?? '3000'}`;

/** The server's routes (server/http/pages.ts), for vite's own server. */
const PAGES: readonly [RegExp, string][] = [
  [/^\/publish\/?$/, '/publish/index.html'],
  [/^\/admin\/?$/, '/admin/index.html'],
  [/^\/recordings\/?$/, '/recordings/index.html'],
  [/^\/api\/docs\/?$/, '/docs/index.html'],
  [/^\/watch(?:\/[^/.]*)?\/?$/, '/watch/index.html'],
  [/^\/embed\/[^/.]*\/?$/, '/embed/index.html'],
  [/^\/pharos-player\.js$/, '/component/main.ts'],
];

const routes: Plugin = {
  name: 'pharos-routes',
  configureServer({ middlewares }) {
    middlewares.use((request, _response, next) => {
      const [pathname = '/', query] = (request.url ?? '/').split('?');
      const page = PAGES.find(([pattern]) => pattern.test(pathname));
      if (page) request.url = query ? `${page[1]}?${query}` : page[1];
      next();
    });
  },
};

/** `<pharos-player>` beside the pages: one file that pages of other origins load, with all that it needs. */
const component: Plugin = {
  name: 'pharos-component',
  apply: 'build',
  async writeBundle({ dir }) {
    await build({
      configFile: false,
      root: path('.'),
      publicDir: false,
      plugins: [preact()],
      build: {
        outDir: dir ?? path('../dist/web'),
        emptyOutDir: false,
        modulePreload: false,
        // No library in vite's sense: it would leave the spaces in.
        rolldownOptions: {
          input: path('component/main.ts'),
          output: { entryFileNames: 'pharos-player.js', codeSplitting: false },
        },
      },
    });
  },
};

/** The watch page's first script, which waits neither for others nor for styles. */
const EARLY = path('watch/early.ts');
const early: Plugin = {
  name: 'pharos-early',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler(html, { path: page, bundle = {} }) {
      if (page !== '/watch/index.html') return html;
      const chunk = Object.values(bundle).find(
        (each) => each.type === 'chunk' && each.facadeModuleId === EARLY,
      );
      if (!chunk) throw new Error(`${EARLY} was not built`);
      const attrs = { type: 'module', async: true, crossorigin: true, src: `/${chunk.fileName}` };
      return [{ tag: 'script', attrs, injectTo: 'head-prepend' }];
    },
  },
};

/**
 * What pages share, in few files: over a long link each costs more by its round trip than by its bytes, and
 * browsers ask for six at once. A page still loads next to nothing that it does not use.
 */
const SHARED = [
  { name: 'protocol', test: /server\/protocol\/|\/zod\//, minShareCount: 2, priority: 4 },
  {
    name: 'base',
    test: /web\/base\/|\/preact\/|web\/text\/catalogue|vite\/|rolldown\/runtime|web\/lib\/(deferred|emitter|errors|observed|reconnect|sleep)\./,
    minShareCount: 2,
    priority: 3,
  },
  // Of publishing and watching alike.
  { name: 'media', test: /web\/lib\/|node_modules\//, minShareCount: 3, priority: 2 },
  { name: 'player', test: /web\/(player|lib)\//, minShareCount: 2, priority: 1 },
];

/** What each page takes, when all of it is written (test/integration/bundles.test.ts holds it to budgets), and compressed copies of it. */
function finished(): Plugin {
  let folder = '';
  let logger: Logger | undefined;
  return {
    name: 'pharos-finished',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
      logger = config.logger;
    },
    closeBundle() {
      compressAll(folder);
      logger?.info(`\nGzipped, with all that a page loads:\n${bundleTable(bundleSizes(folder))}`);
    },
  };
}

export default defineConfig({
  root: path('.'),
  plugins: [preact(), routes, early, component, finished()],
  build: {
    outDir: path('../dist/web'),
    emptyOutDir: true,
    // For the sizes; the server gives no file away whose name begins with a dot.
    manifest: true,
    // The content security policy allows files, not inline data.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: { codeSplitting: { groups: SHARED } },
      input: {
        early: EARLY,
        home: path('index.html'),
        publish: path('publish/index.html'),
        admin: path('admin/index.html'),
        recordings: path('recordings/index.html'),
        docs: path('docs/index.html'),
        watch: path('watch/index.html'),
        embed: path('embed/index.html'),
      },
    },
  },
  server: {
    fs: { allow: [path('..')] },
    // Kept as it is: the server compares the page's origin with the host it was asked for.
    proxy: {
      '/ws': { target: server, ws: true, changeOrigin: false },
      '/api': { target: server, ws: true, changeOrigin: false },
      '/whip': { target: server, changeOrigin: false },
      '/whep': { target: server, changeOrigin: false },
      '/healthz': { target: server, changeOrigin: false },
    },
  },
});
