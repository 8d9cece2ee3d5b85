import type { Source, SourceTransaction, SqlValues } from '../../ports/source.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import type { Channel } from './channel.ts'
import { type Reply, type Request, toWire } from './protocol.ts'

interface OpenTransaction {
  readonly transaction: SourceTransaction
  commit(): void
  rollback(reason: unknown): void
  /** Settles when the source has committed or rolled back. */
  readonly ended: Promise<void>
}

/** Answers one client's requests out of a source. */
export class SourceServer {
  readonly #source: Source
  readonly #channel: Pick<Channel, 'send'>
  readonly #dump: ((file: string) => Promise<void>) | undefined
  readonly #running = new Map<number, AbortController>()
  readonly #transactions = new Map<number, OpenTransaction>()

  constructor(source: Source, channel: Pick<Channel, 'send'>, dump?: (file: string) => Promise<void>) {
    this.#source = source
    this.#channel = channel
    this.#dump = dump
  }

  async receive(request: Request): Promise<void> {
    if (request.op === 'abort') return this.#abort(request.target, new Error('The client gave up'))
    const controller = new AbortController()
    this.#running.set(request.id, controller)
    let reply: Reply
    try {
      reply = { id: request.id, result: (await this.#answer(request, controller.signal)) ?? null }
    } catch (error) {
      reply = { id: request.id, error: toWire(error) }
    }
    this.#running.delete(request.id)
    this.#channel.send(reply)
  }

  /** The client is gone: what it waits for is dropped, what it has not committed is rolled back. */
  disconnected(): void {
    const gone = new Error('The client is gone')
    for (const id of [...this.#running.keys(), ...this.#transactions.keys()]) this.#abort(id, gone)
  }

  #abort(id: number, reason: Error): void {
    this.#running.get(id)?.abort(reason)
    this.#transactions.get(id)?.rollback(reason)
  }

  async #answer(request: Exclude<Request, { op: 'abort' }>, signal: AbortSignal): Promise<unknown> {
    switch (request.op) {
      case 'query': {
        const { text, values, transaction } = request
        return transaction === undefined
          ? this.#source.query(statementOf(text, values.length), valuesOf(values), { signal })
          : this.#transaction(transaction).transaction.query(statementOf(text, values.length), valuesOf(values))
      }
      case 'describe':
        return this.#source.describe(statementOf(request.text, 0))
      case 'begin':
        return this.#begin(request.id, signal)
      case 'commit':
      case 'rollback': {
        const open = this.#transaction(request.transaction)
        if (request.op === 'commit') open.commit()
        else open.rollback(new RolledBack())
        return open.ended
      }
      case 'ping':
        return this.#source.ping({ signal })
      case 'dump':
        return this.#dump?.(request.file)
    }
  }

  /** Turns the port's "work inside" form inside out: the work waits for the client's commit or rollback. */
  #begin(id: number, signal: AbortSignal): Promise<void> {
    return new Promise((begun, failed) => {
      const decision = Promise.withResolvers<void>()
      const ended = this.#source
        .transaction(
          (transaction) => {
            this.#transactions.set(id, { transaction, commit: decision.resolve, rollback: decision.reject, ended })
            begun()
            return decision.promise
          },
          { signal },
        )
        .catch((error: unknown) => {
          failed(error)
          if (!(error instanceof RolledBack)) throw error
        })
        .finally(() => this.#transactions.delete(id))
      ended.catch(() => {})
    })
  }

  #transaction(id: number): OpenTransaction {
    const open = this.#transactions.get(id)
    if (!open) throw new Error('There is no such transaction')
    return open
  }
}

class RolledBack extends Error {}

const parameterNames = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))

function statementOf(positional: string, parameters: number): SqlStatement {
  return { text: positional, positional, names: parameterNames(parameters), types: {} }
}

function valuesOf(values: readonly (string | null)[]): SqlValues {
  return Object.fromEntries(values.map((value, index) => [String(index + 1), value]))
}
