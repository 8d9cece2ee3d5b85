import { defineConfig } from 'vitest/config'
import { sqlImport } from './src/primer/sql-hooks.ts'

/** `unit`, `infra` and `simulation` need nothing but Node; the others get a real Cassandra and a real PostgreSQL from `test/support/services.ts`. */
const withServices = (name: string) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    globalSetup: ['test/support/services.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})

export default defineConfig({
  // Primers import `.sql` files; Node learns that from a hook, vitest from this.
  plugins: [{ name: 'kck-sql', enforce: 'pre', load: (id) => (id.endsWith('.sql') ? sqlImport(id) : null) }],
  test: {
    projects: [
      { extends: true as const, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { extends: true as const, test: { name: 'infra', include: ['test/infra/**/*.test.ts'], testTimeout: 120_000 } },
      { extends: true as const, test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'] } },
      withServices('conformance'),
      withServices('integration'),
      withServices('cloud'),
    ],
  },
})
