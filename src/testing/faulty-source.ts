import type { Source } from '../ports/source.ts'
import type { CallKind, Link } from './link.ts'

/** A source behind a link. A transaction is one call: it happens as a whole at one instant, or not at all. */
export function faultySource(source: Source, link: Link): Source {
  const call = (signal: AbortSignal | undefined): CallKind => ({ signal, unavailable: 'SOURCE_UNAVAILABLE' })
  return {
    name: source.name,
    query: (statement, values, options) => link.call(() => source.query(statement, values), call(options?.signal)),
    transaction: (work, options) => link.call(() => source.transaction(work), call(options?.signal)),
    describe: (statement) => link.call(() => source.describe(statement), call(undefined)),
    ping: (options) => link.call(() => source.ping(), call(options?.signal)),
    close: () => source.close(),
  }
}
