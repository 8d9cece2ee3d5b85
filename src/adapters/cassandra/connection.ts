import { type Client, errors, type QueryOptions, types } from 'cassandra-driver'
import { emit } from '../../events.ts'
import { newDriverClient } from './driver.ts'
import { lostConnection, storeUnavailable, troubleOf, wasUnsent } from './errors.ts'
import { type CassandraOptions, DEFAULT_REQUEST_TIMEOUT_MS } from './options.ts'
import { RetryBudget } from './policies.ts'
import { pause, within } from './within.ts'

export interface Statement {
  readonly cql: string
  readonly values: readonly unknown[]
}

export type Consistency = 'one' | 'latest'

export interface StatementOptions {
  readonly signal?: AbortSignal | undefined
  readonly consistency?: Consistency | undefined
}

export interface ConditionalResult {
  readonly applied: boolean
  /** What the server says of the row that refused it. */
  readonly found: types.Row | null
  /** An earlier attempt went unanswered, so a refusal may come from this very write, applied before. */
  readonly repeated: boolean
}

const { consistencies } = types
const FIRST_BACK_OFF_MS = 25
const LAST_BACK_OFF_MS = 400
/** How long until a client is replaced that did not answer but may, and until another attempt to connect, in ms. */
const TRUST_MS = 1_000
const CONNECT_AGAIN_MS = 100
/** Connecting takes six round trips, each of which the driver bounds; a slow one is of use to the next call. */
const CONNECT_MS = 15_000

type Work<T> = (client: Client) => Promise<T>

interface Call {
  readonly signal: AbortSignal | undefined
  /** Of `performance.now()`. */
  readonly until: number
  /** Once it is in doubt whether it was executed, failing is the last resort. */
  readonly mustSettle: boolean
  inDoubt: boolean
}

interface Failure {
  readonly error: unknown
  readonly attempt: number
  /** Null when none could be had. */
  readonly client: Client | null
}

/**
 * The driver with what it lacks: every statement ends by a deadline, a client whose connections died is replaced by a
 * new one at once, and repetitions wait and are bounded by a budget. Opens lazily: a store that is down at the start is
 * a store that is down.
 */
export class Connection {
  readonly #options: CassandraOptions
  readonly #timeoutMs: number
  readonly #budget = new RetryBudget()
  readonly #retired = new Set<Client>()
  #client: Client | null = null
  /** Was left alone for too long: for nobody to use, until there is another one. */
  #idled: Client | null = null
  #renewal: Promise<Client> | null = null
  #renewedAt = 0
  #connectNotBefore = 0
  #usedAt: { readonly steady: number; readonly wall: number }
  #closed = false

  constructor(options: CassandraOptions) {
    this.#options = options
    this.#timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS
    this.#usedAt = { steady: performance.now(), wall: options.clock.now() }
  }

  /** All rows, of all pages. */
  async read(statement: Statement, options: StatementOptions): Promise<types.Row[]> {
    const consistency = options.consistency === 'latest' ? consistencies.localQuorum : consistencies.localOne
    const rows: types.Row[] = []
    let pageState: string | undefined
    do {
      const query: QueryOptions = { consistency, isIdempotent: true }
      if (pageState !== undefined) query.pageState = pageState
      const work: Work<types.ResultSet> = (client) => client.execute(statement.cql, [...statement.values], query)
      const page = await this.#run(work, this.#call(options.signal))
      rows.push(...page.rows)
      pageState = page.pageState ?? undefined
    } while (pageState !== undefined)
    return rows
  }

  /** An unconditional write, which may be repeated. */
  async write(statement: Statement, signal?: AbortSignal): Promise<void> {
    const work: Work<types.ResultSet> = (client) =>
      client.execute(statement.cql, [...statement.values], { isIdempotent: true })
    await this.#run(work, this.#call(signal))
  }

  /** Unconditional writes to one partition, at most 30. */
  async writeTogether(statements: readonly Statement[], signal?: AbortSignal): Promise<void> {
    const queries = statements.map(({ cql, values }) => ({ query: cql, params: [...values] }))
    await this.#run((client) => client.batch(queries, { logged: false, isIdempotent: true }), this.#call(signal))
  }

  /**
   * A conditional write, sent again until the server says whether it was applied. Sending it again settles an earlier
   * attempt in the server, too: nothing of that can still take effect after the answer.
   */
  async writeIf(statement: Statement, signal?: AbortSignal): Promise<ConditionalResult> {
    const call = { ...this.#call(signal, 3 * this.#timeoutMs), mustSettle: true }
    const work: Work<types.ResultSet> = (client) =>
      client.execute(statement.cql, [...statement.values], { isIdempotent: false })
    const result = await this.#run(work, call)
    return { applied: result.wasApplied(), found: result.first(), repeated: call.inDoubt }
  }

  /** A statement that changes the schema; the driver waits until all nodes agree. */
  async define(cql: string, signal?: AbortSignal): Promise<void> {
    // Not prepared, and with time: schema changes of several processes queue up in the server.
    const query = { prepare: false, isIdempotent: true, readTimeout: 20_000 }
    await this.#run((client) => client.execute(cql, [], query), this.#call(signal, 30_000))
  }

  async close(): Promise<void> {
    this.#closed = true
    const last = this.#client
    this.#client = null
    if (last) this.#retired.add(last)
    await Promise.all([...this.#retired].map((client) => this.#shutDown(client)))
  }

  #call(signal: AbortSignal | undefined, timeoutMs = this.#timeoutMs): Call {
    return { signal, until: performance.now() + timeoutMs, mustSettle: false, inDoubt: false }
  }

  async #run<T>(work: Work<T>, call: Call): Promise<T> {
    const { signal, until } = call
    signal?.throwIfAborted()
    this.#budget.earn()
    for (let attempt = 0; ; attempt++) {
      let client: Client | null = null
      try {
        client = this.#current() ?? (await within(this.#renew(), until, signal))
        return await within(work(client), until, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (client !== null) note(error, call)
        if (!(await this.#mayRepeat({ error, attempt, client }, call))) throw storeUnavailable(error)
      }
    }
  }

  /** Waits or renews, as the error asks for; false when the statement has failed. */
  async #mayRepeat(failure: Failure, call: Call): Promise<boolean> {
    if (this.#closed || performance.now() >= call.until || !this.#isWorthRepeating(failure, call)) return false
    const { attempt, client, error } = failure
    if (client !== null && this.#shouldRenew(client, error)) {
      try {
        await within(this.#renew(), call.until, call.signal)
        return true
      } catch {
        call.signal?.throwIfAborted()
        if (!isUnsettled(call)) return false
      }
    }
    const ceiling = Math.min(LAST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** attempt)
    const connectAt = client === null ? this.#connectNotBefore - performance.now() : 0
    const wait = Math.min(Math.max(connectAt, this.#options.entropy.random() * ceiling), call.until - performance.now())
    await within(pause(wait), Number.POSITIVE_INFINITY, call.signal)
    return true
  }

  #isWorthRepeating({ error, attempt, client }: Failure, call: Call): boolean {
    const trouble = troubleOf(error)
    if (trouble === 'refused') return false
    // Without any client the store is down, which the next call may find changed. Once is nothing: a connection that was
    // being made while this process stood still.
    if (client === null) return attempt === 0 || isUnsettled(call)
    // What reached no server is no load for one.
    if (wasUnsent(error) || (trouble === 'silent' && isUnsettled(call))) return true
    // Of many statements that lose their connection at once, all are sent again on the next one.
    if (attempt === 0 && lostConnection(error)) return true
    return this.#budget.spend()
  }

  #shouldRenew(client: Client, error: unknown): boolean {
    if (this.#client !== client || troubleOf(error) !== 'silent') return false
    if (!(error instanceof errors.OperationTimedOutError)) return true
    // One request without an answer: other hosts can take it, and an overloaded host gains nothing by new connections.
    return performance.now() > this.#renewedAt + TRUST_MS && client.getState().getConnectedHosts().length < 2
  }

  #current(): Client | null {
    // While a machine is frozen one of the two clocks may stand still.
    const now = { steady: performance.now(), wall: this.#options.clock.now() }
    const idle = Math.max(now.steady - this.#usedAt.steady, now.wall - this.#usedAt.wall)
    this.#usedAt = now
    if (idle > (this.#options.renewAfterIdleMs ?? Number.POSITIVE_INFINITY)) this.#idled = this.#client
    return this.#client === this.#idled ? null : this.#client
  }

  /** A new client in place of the present one, one at a time for all who ask. */
  #renew(): Promise<Client> {
    if (this.#closed) return Promise.reject(new Error('The store is closed'))
    this.#renewal ??= this.#connect().finally(() => {
      this.#renewal = null
    })
    return this.#renewal
  }

  async #connect(): Promise<Client> {
    if (performance.now() < this.#connectNotBefore) throw new Error('The last attempt to connect has just failed')
    const client = newDriverClient(this.#options)
    const connecting = client.connect()
    try {
      await within(connecting, performance.now() + CONNECT_MS)
    } catch (error) {
      this.#connectNotBefore = performance.now() + CONNECT_AGAIN_MS
      // When it connects after all, nobody wants it any more.
      const shutDown = () => void this.#shutDown(client)
      connecting.then(shutDown, shutDown)
      emit({ type: 'fault', where: 'cassandra connect', code: 'STORE_UNAVAILABLE', error })
      throw error
    }
    this.#renewedAt = performance.now()
    if (this.#closed) {
      await this.#shutDown(client)
      throw new Error('The store is closed')
    }
    const former = this.#client
    this.#client = client
    if (former) this.#retire(former)
    return client
  }

  /** Others may still wait for answers of a replaced client, at most until their deadline. */
  #retire(client: Client): void {
    this.#retired.add(client)
    setTimeout(() => void this.#shutDown(client), 3 * this.#timeoutMs).unref()
  }

  async #shutDown(client: Client): Promise<void> {
    this.#retired.delete(client)
    await within(client.shutdown(), performance.now() + 1_000).catch(() => {})
  }
}

function note(error: unknown, call: Call): void {
  const trouble = troubleOf(error)
  if (trouble !== 'refused' && !wasUnsent(error)) call.inDoubt = true
  if (trouble === 'busy') emit({ type: 'throttled', part: 'store' })
}

const isUnsettled = (call: Call): boolean => call.mustSettle && call.inDoubt
