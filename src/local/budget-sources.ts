import type { ResolvedSource } from '../config/resolved.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Registers } from '../ports/registers.ts'
import type { Source } from '../ports/source.ts'
import { type BudgetedSource, budgeted } from '../source/budgeted.ts'

/** The Data API ends a statement after this many milliseconds, and cannot be told to do so earlier. */
const DATA_API_MS = 45_000
/** PostgreSQL looks every 2 s whether its client is still there; cancelling takes up to 6 s. */
const LOST_CLIENT_MS = 10_000

/** All sources by name, each within its budget, which all processes with the same registers keep together. */
export function budgetSources(
  sources: ReadonlyMap<string, Source>,
  settings: Readonly<Record<string, ResolvedSource>>,
  ports: { readonly registers: Registers; readonly clock: Clock; readonly entropy: Entropy },
): ReadonlyMap<string, BudgetedSource> {
  const within = ([name, source]: readonly [string, Source]): readonly [string, BudgetedSource] => {
    const setting = settings[name]
    return [name, setting ? budgeted(source, { ...ports, budget: setting.budget, ...times(setting) }) : source]
  }
  return new Map([...sources].map(within))
}

function times({ kind, statementTimeoutMs }: ResolvedSource): { statementTimeoutMs: number; lingerMs: number } {
  switch (kind) {
    case 'postgres':
      return { statementTimeoutMs, lingerMs: LOST_CLIENT_MS }
    case 'rds-data': {
      const longestMs = Math.max(statementTimeoutMs, DATA_API_MS)
      return { statementTimeoutMs: longestMs, lingerMs: longestMs }
    }
    case 'pglite':
      // It has one session: what goes on there after an abort keeps everything else waiting anyway.
      return { statementTimeoutMs, lingerMs: 0 }
  }
}
