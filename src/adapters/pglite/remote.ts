import { KckError } from '../../errors.ts'
import type { Column, QueryOptions, QueryResult, Source, SourceTransaction, SqlValues } from '../../ports/source.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import { abortable, within } from '../postgres-common/abort.ts'
import { encodeText } from '../postgres-common/encode.ts'
import { outcomeUnknown, unavailable } from '../postgres-common/errors.ts'
import type { Channel, ChannelEvents } from './channel.ts'
import { fromWire, type Reply, type Request } from './protocol.ts'

export interface RemoteOptions {
  readonly name: string
  /** After which the caller is released. */
  readonly statementTimeoutMs: number
  /** Called at the first use and again after the channel was lost. */
  connect(events: ChannelEvents): Promise<Channel>
  /** Called when the source is closed, whether it ever connected or not. */
  release?(): void
}

type Pending = PromiseWithResolvers<unknown>
type Distribute<T> = T extends { id: number } ? Omit<T, 'id'> : never
type NewRequest = Distribute<Request>

/**
 * A source whose database is in another thread or process. PGlite cannot stop a statement that runs: an abort or a
 * timeout releases the caller, drops what still waits for its turn, and ignores a late result.
 */
export class RemoteSource implements Source {
  readonly name: string
  readonly #options: RemoteOptions
  readonly #pending = new Map<number, Pending>()
  #channel: Promise<Channel> | undefined
  #ids = 0
  #closed = false

  constructor(options: RemoteOptions) {
    this.name = options.name
    this.#options = options
  }

  async query(statement: SqlStatement, values: SqlValues, options: QueryOptions = {}): Promise<QueryResult> {
    return (await this.#ask(queryRequest(statement, values), options)) as QueryResult
  }

  async transaction<T>(work: (transaction: SourceTransaction) => Promise<T>, options: QueryOptions = {}): Promise<T> {
    options.signal?.throwIfAborted()
    const id = ++this.#ids
    await this.#ask({ op: 'begin' }, options, id)
    const transaction: SourceTransaction = {
      query: async (statement, values) =>
        (await this.#ask({ ...queryRequest(statement, values), transaction: id }, options)) as QueryResult,
    }
    let result: T
    try {
      result = await abortable(work(transaction), options.signal)
      options.signal?.throwIfAborted()
    } catch (error) {
      await this.#ask({ op: 'rollback', transaction: id }, {}).catch(() => {})
      throw error
    }
    await this.#ask({ op: 'commit', transaction: id }, options).catch((error: unknown) => {
      throw error instanceof KckError && error.code === 'SOURCE_UNAVAILABLE' ? outcomeUnknown(this.name, error) : error
    })
    return result
  }

  async describe(statement: SqlStatement): Promise<readonly Column[]> {
    return (await this.#ask({ op: 'describe', text: statement.positional }, {})) as readonly Column[]
  }

  async ping(options: QueryOptions = {}): Promise<void> {
    await this.#ask({ op: 'ping' }, options)
  }

  async dump(file: string): Promise<void> {
    await this.#ask({ op: 'dump', file }, { timeoutMs: 600_000 })
  }

  async close(): Promise<void> {
    this.#closed = true
    const channel = this.#channel
    if (channel !== undefined) await (await channel.catch(() => undefined))?.close()
    this.#options.release?.()
  }

  async #ask(request: NewRequest, { signal, timeoutMs }: QueryOptions, id = ++this.#ids): Promise<unknown> {
    signal?.throwIfAborted()
    const answer = this.#answer({ ...request, id } as Request, id)
    const late = () => new KckError('DEADLINE_EXCEEDED', 'The embedded database took longer than the timeout')
    try {
      return await within(abortable(answer, signal), timeoutMs ?? this.#options.statementTimeoutMs, late)
    } catch (error) {
      if (this.#pending.delete(id)) (await this.#channel)?.send({ op: 'abort', target: id } satisfies Request)
      throw error
    }
  }

  async #answer(request: Request, id: number): Promise<unknown> {
    if (this.#closed) throw unavailable(this.name, new Error('The source is closed'))
    const pending: Pending = Promise.withResolvers()
    this.#pending.set(id, pending)
    pending.promise.catch(() => {})
    const channel = await this.#connected()
    // The caller may have gone while we connected.
    if (this.#pending.has(id)) channel.send(request)
    return pending.promise
  }

  async #connected(): Promise<Channel> {
    this.#channel ??= this.#options.connect({
      message: (message) => this.#receive(message as Reply),
      closed: (error) => this.#lost(error),
    })
    try {
      return await this.#channel
    } catch (error) {
      this.#lost(error)
      throw error instanceof KckError ? error : unavailable(this.name, error)
    }
  }

  #receive(reply: Reply): void {
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if ('error' in reply) pending?.reject(fromWire(reply.error))
    else pending?.resolve(reply.result)
  }

  #lost(error: unknown): void {
    this.#channel = undefined
    for (const { reject } of this.#pending.values()) {
      reject(error instanceof KckError ? error : unavailable(this.name, error))
    }
    this.#pending.clear()
  }
}

function queryRequest(statement: SqlStatement, values: SqlValues) {
  return {
    op: 'query' as const,
    text: statement.positional,
    values: statement.names.map((name) => encodeText(values[name], statement.types[name])),
  }
}
