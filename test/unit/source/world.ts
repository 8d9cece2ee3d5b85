import { createMemoryRegisters } from '../../../src/adapters/memory/registers.ts'
import { KckError } from '../../../src/errors.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { Registers } from '../../../src/ports/registers.ts'
import type { QueryOptions, QueryResult, Source } from '../../../src/ports/source.ts'
import { type Budget, type BudgetedSource, type BudgetOptions, budgeted } from '../../../src/source/budgeted.ts'
import type { SqlStatement } from '../../../src/sql/statement.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { afterMicrotasks, VirtualClock } from '../../../src/testing/virtual-clock.ts'

export const STATEMENT_TIMEOUT_MS = 3_000
export const LEASE_MS = STATEMENT_TIMEOUT_MS + 15_000
export const SKEW_MS = 5_000

const statement: SqlStatement = { text: 'select 1', positional: 'select 1', names: [], types: {} }
const nothing: QueryResult = { columns: [], rows: [], rowCount: 0 }

/** How badly a process reaches the registers. Chances in [0, 1]. */
export interface Weather {
  readonly latencyMs: number
  /** No answer; half of these calls happen nevertheless, some of them seconds later. */
  readonly lost: number
  /** The database ends this much later than the statement's time, because connecting took so long. */
  readonly lateMs?: number
}
const CALM: Weather = { latencyMs: 5, lost: 0 }

/** A database that keeps count. It ends what it began, whatever becomes of who asked. */
class Database {
  running = 0
  most = 0
  began = 0
  /** Statement milliseconds so far. */
  busyMs = 0
  readonly starts: number[] = []
  /** Most starts in any half-open second. */
  mostPerSecond = 0
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  /** Resolves when it has ended by itself; `cancel` ends it earlier. */
  run(ms: number): { readonly ended: Promise<void>; cancel(): void } {
    const beganAt = this.#clock.now()
    this.running += 1
    this.began += 1
    this.most = Math.max(this.most, this.running)
    this.starts.push(beganAt)
    while ((this.starts[0] ?? beganAt) <= beganAt - 1_000) this.starts.shift()
    this.mostPerSecond = Math.max(this.mostPerSecond, this.starts.length)
    const done = Promise.withResolvers<void>()
    let isOver = false
    const end = () => {
      if (isOver) return
      isOver = true
      this.running -= 1
      this.busyMs += this.#clock.now() - beganAt
      done.resolve()
    }
    this.#clock.after(ms, end)
    return { ended: done.promise, cancel: end }
  }
}

/** Processes with a clock each that use one database within one budget. */
export class World {
  readonly clock = new VirtualClock(undefined, { settled: afterMicrotasks })
  readonly database = new Database(this.clock)
  readonly entropy: SeededEntropy
  readonly registers: Registers = createMemoryRegisters(this.clock)
  readonly budget: Budget
  /** Calls of the registers so far. */
  calls = { get: 0, set: 0 }
  #processes = 0

  constructor(budget: Budget, seed = 1) {
    this.budget = budget
    this.entropy = new SeededEntropy(seed)
  }

  process(options: Partial<BudgetOptions> & { readonly skewedBy?: number; readonly weather?: Weather } = {}): Process {
    this.#processes += 1
    return new Process(this, this.#processes, options)
  }

  async holders(): Promise<readonly { id: string; has: readonly number[]; wants: readonly number[] }[]> {
    return JSON.parse((await this.registers.get('budget/main'))?.text ?? '[]')
  }
}

export interface StatementOptions extends QueryOptions {
  /** How long it takes the database. */
  readonly ms?: number
}

export class Process {
  readonly source: BudgetedSource
  /** It does not reach the registers. */
  isDown = false
  finished = 0
  readonly #world: World
  #isKilled = false
  #hold: ((effect: () => Promise<boolean>) => void) | null = null

  constructor(
    world: World,
    number: number,
    { skewedBy = 0, weather = CALM, ...options }: Partial<BudgetOptions> & { skewedBy?: number; weather?: Weather },
  ) {
    this.#world = world
    const clock: Clock = {
      now: () => world.clock.now() + skewedBy,
      sleep: (ms, signal) => this.#unlessKilled(world.clock.sleep(ms, signal)),
    }
    this.source = budgeted(this.#source(weather.lateMs ?? 0), {
      budget: world.budget,
      registers: this.#registers(weather),
      clock,
      entropy: new SeededEntropy(world.entropy.random() * 2 ** 32, `p${number}`),
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      leaseMs: LEASE_MS,
      skewMs: SKEW_MS,
      ...options,
    })
  }

  async query({ ms = 100, ...options }: StatementOptions = {}): Promise<void> {
    await this.source.query(statement, { ms }, options)
    this.finished += 1
  }

  async transaction(statements: number, ms: number): Promise<void> {
    await this.source.transaction(async ({ query }) => {
      for (let count = 0; count < statements; count++) await query(statement, { ms })
    })
  }

  /** `clients` that each ask again as soon as they have an answer, until the returned function is called. */
  load(clients: number, next: () => StatementOptions): () => void {
    let isOver = false
    const client = async () => {
      while (!isOver && !this.#isKilled) {
        await this.query(next()).catch(() => this.#world.clock.sleep(50))
      }
    }
    for (let count = 0; count < clients; count++) void client()
    return () => {
      isOver = true
    }
  }

  /** What this process's next conditional write would do happens only later, and nobody hears of it. */
  holdNextWrite(): Promise<() => Promise<boolean>> {
    return new Promise((resolve) => {
      this.#hold = resolve
    })
  }

  /** Nothing of it goes on; what the database has begun does. */
  kill(): void {
    this.#isKilled = true
  }

  #unlessKilled<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (result) => this.#isKilled || resolve(result),
        (error: unknown) => this.#isKilled || reject(error),
      )
    })
  }

  #source(lateMs: number): Source {
    const { database, clock } = this.#world
    const run = async (ms: number, { signal, timeoutMs = STATEMENT_TIMEOUT_MS, onEnded }: QueryOptions = {}) => {
      signal?.throwIfAborted()
      const { ended, cancel } = database.run(Math.min(ms, timeoutMs) + lateMs)
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener('abort', () => {
          reject(signal.reason)
          // The caller is released at once, the database a moment later.
          clock.after(20, () => {
            cancel()
            onEnded?.()
          })
        })
      })
      await this.#unlessKilled(Promise.race([ended, aborted]))
      if (ms > timeoutMs) throw new KckError('DEADLINE_EXCEEDED', 'too long', { details: { sqlState: '57014' } })
    }
    return {
      name: 'main',
      query: async (_, values, options) => {
        await run(Number(values['ms']), options)
        return nothing
      },
      transaction: (work) =>
        work({
          query: async (_, values) => {
            await run(Number(values['ms']))
            return nothing
          },
        }),
      describe: async () => [],
      ping: async () => {},
      close: async () => {},
    }
  }

  #registers({ latencyMs, lost }: Weather): Registers {
    const { clock, entropy, registers, calls } = this.#world
    const way = () => clock.sleep(Math.round(entropy.random() * latencyMs))
    const unreachable = () => new KckError('STORE_UNAVAILABLE', 'no answer')
    const travel = async <T>(effect: () => Promise<T>): Promise<T> => {
      await way()
      if (this.isDown) throw unreachable()
      if (entropy.random() < lost) {
        if (entropy.random() < 0.5) clock.after(entropy.random() * 3_000, () => void effect().catch(() => {}))
        await clock.sleep(500)
        throw unreachable()
      }
      const result = await effect()
      await way()
      return result
    }
    return {
      get: (name) => {
        calls.get += 1
        return this.#unlessKilled(travel(() => registers.get(name)))
      },
      compareAndSet: (name, rev, next) => {
        calls.set += 1
        if (this.#hold !== null) {
          this.#hold(() => registers.compareAndSet(name, rev, next))
          this.#hold = null
          return Promise.reject(unreachable())
        }
        return this.#unlessKilled(travel(() => registers.compareAndSet(name, rev, next)))
      },
    }
  }
}
