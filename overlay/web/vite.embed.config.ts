import { defineConfig } from 'vite';

/**
 * `dist/embed/comptoir.js`: one classic script for merchants' pages, built after the pages and beside
 * them. Its name never changes: it is cached for an hour.
 */
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist/embed',
    emptyOutDir: true,
    lib: { entry: 'src/embed/main.ts', name: 'Comptoir', formats: ['iife'], fileName: () => 'comptoir.js' },
  },
});
