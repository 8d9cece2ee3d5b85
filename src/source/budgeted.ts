import { asKckError, KckError } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Registers } from '../ports/registers.ts'
import type { QueryOptions, Source } from '../ports/source.ts'
import { type Permit, Permits } from './permits.ts'

export interface Budget {
  /** Statements and transactions at a time, over all processes. Missing or null: no limit. */
  readonly concurrency?: number | null
  /** Statements and transactions begun in any one second, over all processes. Missing or null: no limit. */
  readonly perSecond?: number | null
}

export interface BudgetOptions {
  readonly budget: Budget
  readonly registers: Registers
  readonly clock: Clock
  readonly entropy: Entropy
  /** After which the database itself has ended a statement for which the caller names no `timeoutMs`. */
  readonly statementTimeoutMs: number
  /** How long permits stay with a process that was killed. Default: `statementTimeoutMs` and 20 s; at least 15 s more. */
  readonly leaseMs?: number
  /**
   * How long a statement may go on in the database after its caller was released by an abort or a lost connection, where
   * the source cannot say when it ended (`QueryOptions.onEnded`). Default: `statementTimeoutMs`.
   */
  readonly lingerMs?: number
  /** How long to wait for a permit. Default 30000. */
  readonly maxWaitMs?: number
  /** By how much the clocks of two processes may differ. Default 5000. */
  readonly skewMs?: number
}

export interface BudgetedSource extends Source {
  /** Gives back the permits that are not in use: for a process that is about to be frozen. Missing: no budget. */
  giveBack?(): Promise<void>
}

/**
 * The source within its budget, which all processes that share `registers` keep together.
 *
 * A statement needs two permits: one of `concurrency`, in use until the statement has ended in the database, and one of
 * `perSecond`, in use for one second from when it is handed to the driver. So any second has at most `perSecond` starts,
 * without windows on which the clocks of two processes would have to agree. A process holds as many permits of both
 * kinds as it needs, not one for each statement: the register `budget/<source>` lists who has how many, who wants how
 * many and until when. They are taken when somebody waits, and given back a second or two after they were last used, or
 * at once when another process has less than its equal share of them; where there are more processes than permits, they
 * take turns of about 2 s. A permit that changes hands is unused for about 0.1 s.
 *
 * Waiting: interactive before background, which counts as 5 s younger than it is; otherwise first come, first served.
 * Throws the signal's reason, or `SOURCE_BUSY` (with `retryAfterMs`) after `maxWaitMs`. A transaction takes one permit for
 * its whole time and counts as one start. `ping` takes none, so that the health check of a busy source is answered.
 *
 * Crashes: a statement starts only when the lease of its permit lasts longer than the statement can, and others take
 * over only `skewMs` after the lease. What a killed or frozen process has begun thus counts until the database has ended
 * it. One case is left: a process that is stopped in the few milliseconds between that check and sending the statement,
 * and goes on after its lease, sends it then: one statement too many for each that was just being sent. Only the
 * database could prevent that.
 *
 * Registers that cannot be asked: permits that are held go on being used as long as their lease lasts; without any, the
 * callers get `SOURCE_BUSY` at once. Even one free permit for each process would be too many in sum.
 */
export function budgeted(source: Source, options: BudgetOptions): BudgetedSource {
  const { budget, statementTimeoutMs, leaseMs = statementTimeoutMs + 20_000 } = options
  const { concurrency = null, perSecond = null } = budget
  if (concurrency === null && perSecond === null) return source
  if (leaseMs < statementTimeoutMs + 15_000) {
    throw new KckError('INVALID_CONFIG', 'A lease of permits must be 15 s longer than the longest statement')
  }
  const { lingerMs = statementTimeoutMs, maxWaitMs = 30_000, skewMs = 5_000, ...ports } = options
  const permits = new Permits({ ...ports, source: source.name, concurrency, perSecond, leaseMs, maxWaitMs, skewMs })

  async function within<T>(
    options: QueryOptions,
    work: (inner: QueryOptions, permit: Permit) => Promise<T>,
  ): Promise<T> {
    const { signal, priority = 'interactive', timeoutMs = statementTimeoutMs } = options
    const permit = await permits.acquire({ signal, priority, timeoutMs })
    try {
      signal?.throwIfAborted()
    } catch (error) {
      permit.end()
      throw error
    }
    try {
      const result = await work({ ...options, onEnded: permit.end }, permit)
      permit.end()
      return result
    } catch (error) {
      if (hasEnded(error, signal)) permit.end()
      else permit.endWithin(lingerMs)
      throw error
    }
  }

  return {
    name: source.name,
    query: (statement, values, options = {}) => within(options, (inner) => source.query(statement, values, inner)),
    transaction: (work, options = {}) =>
      within(options, (inner, permit) =>
        source.transaction(async (transaction) => {
          const result = await work({
            query: async (statement, values) => {
              permit.check()
              return transaction.query(statement, values)
            },
          })
          permit.check()
          return result
        }, inner),
      ),
    describe: (statement) => within({}, () => source.describe(statement)),
    ping: (options) => source.ping(options),
    ...(source.hindrance ? { hindrance: source.hindrance.bind(source) } : {}),
    // One connection for all the time of a process, which asks the database nothing.
    ...(source.listen ? { listen: source.listen.bind(source) } : {}),
    giveBack: () => permits.giveBack(),
    close: async () => {
      permits.close()
      await source.close()
      await permits.leave()
    },
  }
}

/** An error with a SQLSTATE is the database's answer; any other may have come to us while the statement goes on. */
function hasEnded(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted) return false
  const { code, details } = asKckError(error)
  return details['sqlState'] !== undefined || (code !== 'SOURCE_UNAVAILABLE' && code !== 'DEADLINE_EXCEEDED')
}
