import { defineConfig } from 'kck'

export default defineConfig({
  sources: {
    // An embedded PostgreSQL that begins with data/schema.sql. Another database: { kind: 'postgres' } and DATABASE_URL.
    shop: { kind: 'pglite', init: 'data/schema.sql' },
  },
})
