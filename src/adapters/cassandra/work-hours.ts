import type { CallOptions } from '../../ports/entry-store.ts'
import type { WorkItem } from '../../ports/work-index.ts'
import type { Connection, Statement } from './connection.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Nobody puts anything into an hour that is over for so long: clocks differ by less, and no write is so long under way. */
const CLOSED_AFTER_MS = 600_000
/** Hours that a process remembers; the same day's are a few dozen. */
const MOST = 1_000

type Kind = WorkItem['kind']

/**
 * Which hours ever held owed work, so that who looks through an empty day asks once for each hour and not for every
 * shard of every minute. An hour is marked by whoever puts something into it, once per process, along with the items.
 */
export class WorkHours {
  readonly #connection: Connection
  readonly #cql: Statements
  readonly #marked = new Set<string>()
  readonly #empty = new Set<string>()

  constructor(connection: Connection, cql: Statements) {
    this.#connection = connection
    this.#cql = cql
  }

  /** What has to be written together with `items`; call `written` when it was. */
  mark(items: readonly WorkItem[], now: number): { readonly statements: readonly Statement[]; written(): void } {
    const hours = new Map(items.map(({ kind, at }) => [nameOf(kind, at), { kind, hour: hourOf(at) }]))
    for (const name of this.#marked) hours.delete(name)
    const statements = [...hours.values()].map(({ kind, hour }) => {
      // An hour longer than its last item.
      const ttl = ttlSeconds((hour + 2) * HOUR_MS + DAY_MS, now)
      return { cql: this.#cql.putWork, values: [...placeOf(kind, hour), '-', '', BigInt(hour * HOUR_MS), '', ttl] }
    })
    return { statements, written: () => remember(this.#marked, hours.keys()) }
  }

  /** False: nothing was put into the hour that contains `at`. */
  async mayHold(kind: Kind, at: number, now: number, { signal }: CallOptions): Promise<boolean> {
    const name = nameOf(kind, at)
    if (this.#marked.has(name)) return true
    if (this.#empty.has(name)) return false
    const hour = hourOf(at)
    const statement = { cql: this.#cql.readWork, values: [...placeOf(kind, hour), '', 1] }
    const found = await this.#connection.read(statement, { signal, consistency: 'latest' })
    if (found.length > 0) return true
    if ((hour + 1) * HOUR_MS + CLOSED_AFTER_MS < now) remember(this.#empty, [name])
    return false
  }
}

function remember(names: Set<string>, more: Iterable<string>): void {
  if (names.size > MOST) names.clear()
  for (const name of more) names.add(name)
}

const hourOf = (at: number): number => Math.floor(at / HOUR_MS)
const nameOf = (kind: Kind, at: number): string => `${kind}/${hourOf(at)}`

/** A partition of its own in the table of the items. */
function placeOf(kind: Kind, hour: number): readonly unknown[] {
  return [`hour of ${kind}`, BigInt(hour), 0]
}
