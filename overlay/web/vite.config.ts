import { defineConfig } from 'vitest/config';

/**
 * Three pages, one folder: `dist/{home,watch,studio}.html` beside hashed files in `dist/assets/`.
 *
 * The gateway serves the pages at `/`, `/watch/{show}` and `/studio/{show}`, so every address in
 * them is absolute, and its Content-Security-Policy allows neither inline scripts nor `data:`
 * assets: nothing is inlined.
 */
export default defineConfig({
  base: '/',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['home.html', 'watch.html', 'studio.html'] },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    environment: 'node',
  },
});
