import { defineConfig } from 'kck'

/** What `npm start` serves: the example on the Debian 12 package index, in a Postgres and a store under `.kck/`. */
export default defineConfig({
  sources: { debian: { kind: 'pglite' } },
})
