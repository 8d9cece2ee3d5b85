import { defineConfig } from '../../../src/config/config.ts'

/** A project with one of everything that a deployment looks at. */
// biome-ignore lint/style/noDefaultExport: the form of a settings file.
export default defineConfig({
  sources: { shop: { kind: 'pglite', budget: { concurrency: 4 } } },
  auth: { issuer: 'local' },
  replica: { path: 'copies', log: { kind: 'file' }, snapshots: { kind: 'file', path: 'snapshots' }, maxAge: '2s' },
  limits: { computeTimeout: '2m' },
})
