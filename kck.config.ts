import { defineConfig } from 'kck'

/** The settings of the example: what `npm start` serves. */
export default defineConfig({
  sources: {
    // Filled by `npm start` with the package index of Debian 12.
    debian: { kind: 'pglite', path: '.kck/debian' },
  },
})
