import type {
  ExecuteStatementCommandInput,
  ExecuteStatementCommandOutput,
  RDSDataClient,
  SqlParameter,
} from '@aws-sdk/client-rds-data'
import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import { Renewed } from '../aws-common/renewed.ts'
import { unavailable } from '../postgres-common/errors.ts'
import { pause } from '../postgres-common/retry.ts'
import { isResuming, isThrottled, translateError } from './errors.ts'

export interface CallOptions {
  readonly name: string
  readonly resourceArn: string
  readonly secretArn: string
  readonly database: string
  readonly region?: string | undefined
  readonly client?: RDSDataClient | undefined
}

export interface Limits {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 2000

type Sdk = typeof import('@aws-sdk/client-rds-data')
interface Opened {
  readonly sdk: Sdk
  readonly clients: { readonly current: RDSDataClient }
  close(): void
}
type Command = Parameters<RDSDataClient['send']>[0]

/** The calls of the Data API, each within its time limit; a database that is waking up is asked again until then. */
export class DataApiCalls {
  readonly #options: CallOptions
  #opened: Promise<Opened> | undefined
  #closed = false
  /** What the last call was told by a database that is starting. */
  #resuming: unknown = null

  constructor(options: CallOptions) {
    this.#options = options
  }

  async execute(
    sql: string,
    parameters: SqlParameter[],
    limits: Limits,
    more: Pick<ExecuteStatementCommandInput, 'transactionId'> = {},
  ): Promise<ExecuteStatementCommandOutput> {
    const input = { ...this.#target(), sql, parameters, includeResultMetadata: true, ...more }
    return this.#call((sdk) => new sdk.ExecuteStatementCommand(input), limits)
  }

  async begin(limits: Limits): Promise<string> {
    const { transactionId } = await this.#call<{ transactionId?: string }>(
      (sdk) => new sdk.BeginTransactionCommand(this.#target()),
      limits,
    )
    if (!transactionId) throw new KckError('SOURCE_UNAVAILABLE', 'The Data API began no transaction')
    return transactionId
  }

  async commit(transactionId: string, limits: Limits): Promise<void> {
    const { resourceArn, secretArn } = this.#options
    await this.#call((sdk) => new sdk.CommitTransactionCommand({ resourceArn, secretArn, transactionId }), limits)
  }

  async rollback(transactionId: string, limits: Limits): Promise<void> {
    const { resourceArn, secretArn } = this.#options
    await this.#call((sdk) => new sdk.RollbackTransactionCommand({ resourceArn, secretArn, transactionId }), limits)
  }

  hindrance(): KckError | null {
    return this.#resuming === null ? null : translateError(this.#options.name, this.#resuming)
  }

  async close(): Promise<void> {
    this.#closed = true
    if (this.#opened !== undefined) (await this.#opened).close()
  }

  #target() {
    const { resourceArn, secretArn, database } = this.#options
    return { resourceArn, secretArn, database }
  }

  async #call<Output>(command: (sdk: Sdk) => unknown, { signal, timeoutMs }: Limits): Promise<Output> {
    signal?.throwIfAborted()
    if (this.#closed) throw unavailable(this.#options.name, new Error('The source is closed'))
    const timeout = AbortSignal.timeout(timeoutMs)
    const abortSignal = signal ? AbortSignal.any([signal, timeout]) : timeout
    const { sdk, clients } = await this.#open()
    for (let attempt = 0; ; attempt++) {
      try {
        return (await this.#noting(
          clients.current.send(command(sdk) as Command, { abortSignal }),
          abortSignal,
        )) as Output
      } catch (error) {
        const failure = () => this.#failure(error, signal, timeout)
        if (abortSignal.aborted || !isResuming(error)) throw failure()
        // A paused database has not seen the call, so asking again cannot do anything twice.
        await pause(jitter(attempt), abortSignal).catch(() => {
          throw failure()
        })
      }
    }
  }

  /** Remembers whether the database says that it is starting. */
  async #noting<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      const answer = await call
      this.#resuming = null
      return answer
    } catch (error) {
      if (!signal.aborted) this.#resuming = isResuming(error) ? error : null
      throw error
    }
  }

  #failure(error: unknown, signal: AbortSignal | undefined, timeout: AbortSignal): unknown {
    if (isThrottled(error)) emit({ type: 'throttled', part: 'source' })
    if (signal?.aborted) return signal.reason
    return timeout.aborted && !isResuming(error) ? late(error) : translateError(this.#options.name, error)
  }

  #open(): Promise<Opened> {
    this.#opened ??= import('@aws-sdk/client-rds-data').then((sdk) => {
      const { client, region } = this.#options
      // A client that was given to us belongs to somebody else.
      if (client) return { sdk, clients: { current: client }, close: () => undefined }
      const clients = new Renewed(() => new sdk.RDSDataClient(clientConfig(region)))
      return { sdk, clients, close: () => clients.close() }
    })
    return this.#opened
  }
}

function clientConfig(region: string | undefined) {
  return {
    ...(region ? { region } : {}),
    // A call that got no answer may have had its effect: whether to ask again is for those who know.
    maxAttempts: 1,
    // Without the last one, the time limit would only be logged.
    requestHandler: { connectionTimeout: 2000, requestTimeout: 60_000, throwOnRequestTimeout: true },
  }
}

const jitter = (attempt: number): number =>
  (0.5 + Math.random() / 2) * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)

function late(cause: unknown): KckError {
  return new KckError('DEADLINE_EXCEEDED', 'The Data API took longer than the timeout', { cause })
}
