import { openPgliteClientSource } from '../support/sources.ts'
import { shareSource, sourceConformance } from './source.ts'

sourceConformance('pglite of another process', shareSource(openPgliteClientSource), {
  deviations: [
    {
      test: 'cancels an aborted statement on the server',
      reason: 'PGlite cannot be interrupted: the caller is released and the late result dropped',
    },
  ],
})
