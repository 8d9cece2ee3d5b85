import { inject } from 'vitest'
import { openPostgresSource } from '../support/sources.ts'
import { shareSource, sourceConformance } from './source.ts'

const { connectionString } = inject('postgres')

sourceConformance(
  'postgres',
  shareSource(() => openPostgresSource(connectionString)),
)
