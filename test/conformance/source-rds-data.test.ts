import { inject } from 'vitest'
import { openRdsDataSource } from '../support/sources.ts'
import { shareSource, sourceConformance } from './source.ts'

const { connectionString } = inject('postgres')

sourceConformance(
  'rds-data',
  shareSource(() => openRdsDataSource(connectionString)),
  {
    deviations: [
      {
        test: 'cancels an aborted statement on the server',
        reason:
          'the Data API cannot cancel: the caller is released, the database ends the statement after 45 s at most',
      },
      {
        test: 'describes what a write returns without running it',
        reason: 'the Data API can only tell the columns of what it runs',
      },
    ],
  },
)
