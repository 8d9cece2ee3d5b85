import { defineConfig } from 'vitest/config'

/** `unit` needs nothing but Node; the others get a real Cassandra and a real PostgreSQL from `test/support/services.ts`. */
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
  test: {
    projects: [
      { extends: true as const, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      withServices('conformance'),
      withServices('integration'),
    ],
  },
})
