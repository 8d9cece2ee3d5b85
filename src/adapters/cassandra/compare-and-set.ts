import type { types } from 'cassandra-driver'
import type { EntryRow } from '../../entry/entry.ts'
import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { EntryStore } from '../../ports/entry-store.ts'
import type { Connection, Statement } from './connection.ts'
import { storeUnavailable } from './errors.ts'
import { decodeHead, decodeRow, encodeState } from './row-format.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'

/** How many operation ids a row remembers (`EntryRow.ops`). */
const REMEMBERED = 8

/**
 * `compareAndSet` by conditional writes. A write that went unanswered has usually happened, so when a repeated one is
 * refused the row is asked whether it remembers the operation. Where a newer format stands in the way of a new row, it
 * throws: false would say that reading again helps.
 */
export function createRowWriter(connection: Connection, cql: Statements, clock: Clock): EntryStore['compareAndSet'] {
  return async (previous, next, { signal } = {}) => {
    const ttl = ttlSeconds(next.removeAt, clock.now())
    if (previous !== null) {
      const result = await connection.writeIf(replacement(cql, previous, next, ttl), signal)
      return result.applied || (result.repeated && (await wasApplied(next, signal)))
    }
    const create = { cql: cql.createRow, values: [next.key, BigInt(next.rev), encodeState(next), ...bodyOf(next), ttl] }
    const result = await connection.writeIf(create, signal)
    if (result.applied) return true
    if (result.repeated && (await wasApplied(next, signal))) return true
    return await replaceUnreadable(next, ttl, result.found, signal)
  }

  /**
   * What refuses a new row but reads as no row gives way to it: the bare primary key that remains when the columns of a
   * row expired before it, or damage.
   */
  async function replaceUnreadable(
    next: EntryRow,
    ttl: number,
    found: types.Row | null,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const decoded = found ? decodeRow(next.key, found) : { kind: 'row' as const }
    if (decoded.kind === 'row') return false
    if (decoded.kind === 'newer') {
      throw new KckError('STORE_UNAVAILABLE', 'This entry was written by a newer version of KCK. Upgrade this one.', {
        details: { format: decoded.format },
      })
    }
    const rev = found?.['rev'] ?? null
    const values = [ttl, BigInt(next.rev), encodeState(next), ...bodyOf(next), next.key, rev]
    const result = await connection.writeIf({ cql: cql.replaceRow, values }, signal)
    return result.applied || (result.repeated && (await wasApplied(next, signal)))
  }

  /** Whether a row that refuses `next` does so because it holds it already, or held it. */
  async function wasApplied(next: EntryRow, signal: AbortSignal | undefined): Promise<boolean> {
    const rows = await connection.read({ cql: cql.readEntry, values: [next.key] }, { signal, consistency: 'latest' })
    const decoded = decodeHead(next.key, rows)
    if (decoded.kind === 'absent') return false
    const operation = next.ops.at(-1)
    const remembers = decoded.kind === 'row' && operation !== undefined && decoded.row.rev < next.rev + REMEMBERED
    if (remembers) return decoded.row.ops.includes(operation)
    throw storeUnavailable(new Error('The outcome of a conditional write cannot be found out any more'))
  }
}

/** The body is written again when it is another one, or must live as long as a row whose end was moved. */
function replacement(cql: Statements, previous: EntryRow, next: EntryRow, ttl: number): Statement {
  const [rev, was] = [BigInt(next.rev), BigInt(previous.rev)]
  const state = encodeState(next)
  if (previous.removeAt === next.removeAt && sameBody(previous, next)) {
    return { cql: cql.replaceState, values: [ttl, rev, state, next.key, was] }
  }
  return { cql: cql.replaceRow, values: [ttl, rev, state, ...bodyOf(next), next.key, was] }
}

function sameBody(previous: EntryRow, next: EntryRow): boolean {
  const [a, b] = [previous.value?.body, next.value?.body]
  const [bytesA, bytesB] = [a?.inline ?? null, b?.inline ?? null]
  if (bytesA === null || bytesB === null) return bytesA === bytesB
  return a?.id === b?.id && (bytesA === bytesB || Buffer.compare(bytesA, bytesB) === 0)
}

/** The columns `body_id` and `body`. */
function bodyOf(row: EntryRow): readonly [string | null, Buffer | null] {
  const body = row.value?.body
  if (!body?.inline) return [null, null]
  return [body.id, Buffer.from(body.inline.buffer, body.inline.byteOffset, body.inline.byteLength)]
}
