import type { Clock } from '../../ports/clock.ts'
import type { Registers, RegisterWrite } from '../../ports/registers.ts'
import type { Connection } from './connection.ts'
import { storeUnavailable } from './errors.ts'
import type { Statements } from './statements.ts'
import { ttlSeconds } from './ttl.ts'

/**
 * Registers by conditional writes. A repeated write that is refused asks the register whether it stands there: each
 * write names its operation.
 */
export function createRegisters(connection: Connection, cql: Statements, clock: Clock): Registers {
  const read = async (name: string, signal: AbortSignal | undefined) => {
    const [row] = await connection.read({ cql: cql.readRegister, values: [name] }, { signal, consistency: 'latest' })
    // A bare primary key is what remains when the columns of a register expired before it.
    if (row?.['rev'] == null) return null
    return { rev: Number(row['rev']), text: String(row['content']), operation: String(row['operation']) }
  }

  async function write(name: string, rev: number | null, next: RegisterWrite, signal: AbortSignal | undefined) {
    const ttl = ttlSeconds(next.removeAt, clock.now())
    const columns = [BigInt((rev ?? 0) + 1), next.operation, next.text]
    const was = rev === null ? null : BigInt(rev)
    const result = await connection.writeIf({ cql: cql.replaceRegister, values: [ttl, ...columns, name, was] }, signal)
    return result.applied || (result.repeated && (await wasApplied(name, rev ?? 0, next, signal)))
  }

  /** Whether a register that refuses `next`, in doubt since an earlier attempt, does so because it holds it already. */
  async function wasApplied(name: string, rev: number, next: RegisterWrite, signal: AbortSignal | undefined) {
    const stored = await read(name, signal)
    if (stored === null || stored.rev <= rev) return false
    if (stored.rev === rev + 1) return stored.operation === next.operation
    throw storeUnavailable(new Error('The outcome of a conditional write cannot be found out any more'))
  }

  return {
    async get(name, { signal } = {}) {
      signal?.throwIfAborted()
      const register = await read(name, signal)
      return register && { rev: register.rev, text: register.text }
    },
    async compareAndSet(name, rev, next, { signal } = {}) {
      signal?.throwIfAborted()
      if (rev > 0) return await write(name, rev, next, signal)
      const ttl = ttlSeconds(next.removeAt, clock.now())
      const values = [name, 1n, next.operation, next.text, ttl]
      const created = await connection.writeIf({ cql: cql.createRegister, values }, signal)
      if (created.applied) return true
      if (created.repeated && (await wasApplied(name, 0, next, signal))) return true
      return created.found?.['rev'] == null && (await write(name, null, next, signal))
    },
  }
}
