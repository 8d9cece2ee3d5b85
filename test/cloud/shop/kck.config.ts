import { defineConfig } from 'kck'

/** A shop that the end-to-end tests run on: `shop.sql` is its database. */
// biome-ignore lint/style/noDefaultExport: where kck looks for the settings.
export default defineConfig({
  sources: { shop: { kind: 'pglite' } },
  auth: { issuer: 'local' },
  access: { fetch: 'public', update: 'authenticated' },
})
