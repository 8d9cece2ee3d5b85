import type { EntryRow, Input, Materialization, StoredEntry } from '../entry/entry.ts'
import { type Mutated, mutate } from '../entry/mutate.ts'
import { claim, commit, fail, release, type Transition } from '../entry/transitions.ts'
import { asKckError, KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { ProductKey } from '../primer/registry.ts'
import { backingOff, nextFailure, withRetryAfter } from './failure.ts'
import { Flights } from './flights.ts'
import { holdLease } from './lease.ts'
import { materialize } from './materialize.ts'
import { dependent } from './recorder.ts'
import { type Computed, type RunDeps, runCompute } from './run.ts'

/**
 * One refresh of one key, top to bottom: take the lease (or wait for whoever has it), compute, commit if the lease is
 * still ours. One compute per key at a time: in this process through a flight, across processes through the lease.
 */
export interface RefreshDeps extends RunDeps {
  /** Called after every commit, before anybody hears of it. */
  readonly committed: (product: ProductKey, outcome: Committed) => Promise<void>
}

export interface Committed {
  readonly before: Materialization | null
  readonly row: EntryRow
  readonly value: Materialization
}

export interface RefreshRequest {
  readonly cause: string
  /** True once the entry is what the caller wants; asked before computing, and after. */
  readonly until: (entry: StoredEntry) => boolean
  readonly signal: AbortSignal
  /** The key whose compute waits for this one. */
  readonly parent?: string | undefined
  /** Also when it backs off or is parked. */
  readonly retry?: boolean
  /** Id of a body that cannot be read and must not be kept. */
  readonly damaged?: string | undefined
}

export interface Refreshed {
  readonly entry: StoredEntry
  /** Somebody else computed it. */
  readonly collapsed: boolean
}

const FIRST_POLL_MS = 5
const LAST_POLL_MS = 200
/** How long a compute goes on after its last waiter left. */
const LINGER_MS = 500

export class Refresher {
  readonly #deps: RefreshDeps
  readonly #flights: Flights<Refreshed>

  constructor(deps: RefreshDeps) {
    this.#deps = deps
    this.#flights = new Flights((signal) => deps.clock.sleep(LINGER_MS, signal))
  }

  /** Makes the entry what `request.until` wants. Throws what the compute threw, or the signal's reason. */
  async refresh(product: ProductKey, request: RefreshRequest): Promise<Refreshed> {
    for (;;) {
      const { value, collapsed } = await this.#flights.join(
        product.text,
        (signal) => this.#fly(product, request, signal),
        request,
      )
      if (!collapsed || request.until(value.entry))
        return { entry: value.entry, collapsed: collapsed || value.collapsed }
    }
  }

  async #fly(product: ProductKey, request: RefreshRequest, signal: AbortSignal): Promise<Refreshed> {
    const { clock, entropy, store } = this.#deps
    for (let poll = 0; ; ) {
      const claimed = await this.#claim(product, request, signal)
      if ('done' in claimed) return { entry: claimed.done, collapsed: true }
      if ('row' in claimed) {
        const row = await this.#computeUnderLease(product, claimed, { ...request, signal })
        if (row) return { entry: { key: product.text, row, marks: [] }, collapsed: false }
        poll = 0
        continue
      }
      // Somebody else computes: its commit, its failure or the end of its lease shows in the row.
      const ceiling = Math.min(LAST_POLL_MS, FIRST_POLL_MS * 2 ** poll, Math.max(1, claimed.busyUntil - clock.now()))
      await clock.sleep(ceiling * (0.5 + entropy.random() / 2), signal)
      poll += 1
      const entry = await store.entries.get(product.text, { consistency: 'latest', signal })
      if (request.until(entry)) return { entry, collapsed: true }
    }
  }

  async #claim(
    product: ProductKey,
    request: RefreshRequest,
    signal: AbortSignal,
  ): Promise<
    { readonly done: StoredEntry } | { readonly row: EntryRow; readonly token: string } | { readonly busyUntil: number }
  > {
    const { clock, entropy, options } = this.#deps
    const token = entropy.id()
    let done: StoredEntry | null = null
    const claimed = await mutate(this.#mutateDeps, { key: product.text, operation: token, signal }, (entry) => {
      done = null
      if (request.until(entry)) {
        done = entry
        return { refused: { reason: 'nothing' } }
      }
      const now = clock.now()
      return claim(entry, { token, until: now + options.leaseMs }, now, {
        retry: request.retry ?? false,
        primerRevision: product.primer.revision,
      })
    })
    if (claimed.applied) {
      emit({ type: 'lease', key: product.text, outcome: 'taken' })
      return { row: claimed.row, token }
    }
    if (done) return { done }
    return this.#refused(product, claimed)
  }

  #refused(product: ProductKey, { refused }: Extract<Mutated, { applied: false }>): { readonly busyUntil: number } {
    if (refused.reason === 'busy') {
      emit({ type: 'lease', key: product.text, outcome: 'busy' })
      return { busyUntil: refused.lease.until }
    }
    if (refused.reason === 'backing-off') throw backingOff(refused.failure, this.#deps.clock.now())
    throw new KckError('INTERNAL', `A lease was refused: ${refused.reason}`)
  }

  /** The committed row; null when the lease was lost and all begins again. */
  async #computeUnderLease(
    product: ProductKey,
    held: { readonly row: EntryRow; readonly token: string },
    request: RefreshRequest,
  ): Promise<EntryRow | null> {
    const lease = holdLease(
      { ...this.#mutateDeps, leaseMs: this.#deps.options.leaseMs },
      { key: product.text, token: held.token },
      request.signal,
    )
    try {
      const run = await runCompute(this.#deps, product, held.row, lease.signal)
      return await this.#publish(product, held, { ...run, cause: request.cause, damaged: request.damaged })
    } catch (error) {
      if (lease.lost) {
        emit({ type: 'lease', key: product.text, outcome: 'lost' })
        return null
      }
      throw await this.#failed(product, held, { error, cause: request.cause, aborted: request.signal.aborted })
    } finally {
      lease.end()
    }
  }

  async #publish(
    product: ProductKey,
    held: { readonly row: EntryRow; readonly token: string },
    run: Computed & Pick<RefreshRequest, 'cause' | 'damaged'>,
  ): Promise<EntryRow | null> {
    const { clock } = this.#deps
    const before = held.row.value
    const { entries } = this.#deps.store
    const value = await materialize(
      { entries, compression: this.#deps.options.compression },
      held.row,
      {
        key: product.text,
        valueJson: run.valueJson,
        asOf: run.asOf,
        softTtlMs: product.primer.softTtlMs,
        hardTtlMs: product.primer.hardTtlMs,
        primerRevision: product.primer.revision,
        inputs: run.recorder.inputs,
        ancestors: run.recorder.ancestors,
        costMs: run.costMs,
        bodyId: held.token,
        damaged: run.damaged,
      },
      clock.now(),
    )
    const committed = await mutate(
      this.#mutateDeps,
      { key: product.text, operation: `${held.token}:commit` },
      (entry) => commit(entry, held.token, value, clock.now()),
    )
    if (!committed.applied) {
      emit({ type: 'lease', key: product.text, outcome: 'lost' })
      if (value.body.id === held.token) await entries.deleteChunks(product.text, value.body.id, value.body.chunks)
      return null
    }
    const published = committed.row.value ?? { ...value, builtEpoch: held.row.epoch }
    const changed = before === null || before.contentHash !== published.contentHash
    emit({
      type: 'prime',
      key: product.text,
      cause: run.cause,
      costMs: run.costMs,
      version: published.version,
      bytes: published.body.length,
      changed,
    })
    await this.#dropEdges(product.text, run.recorder.dropped)
    await this.#deps.committed(product, { before, row: committed.row, value: published })
    return committed.row
  }

  // What is left behind costs a superfluous refresh, never a lost one.
  async #dropEdges(key: string, dropped: readonly Input[]): Promise<void> {
    try {
      await Promise.all(
        dropped.map((input) => this.#deps.store.lineage.removeEdges(dependent(key, input.edge), [input.node])),
      )
    } catch (error) {
      emit({ type: 'fault', where: 'removing edges', key, error })
    }
  }

  async #failed(
    product: ProductKey,
    held: { readonly row: EntryRow; readonly token: string },
    outcome: { readonly error: unknown; readonly cause: string; readonly aborted: boolean },
  ): Promise<KckError> {
    const { clock } = this.#deps
    const now = clock.now()
    const error = asKckError(outcome.error, 'COMPUTE_FAILED', `The primer ${product.primer.name} failed`)
    if (outcome.aborted) {
      await this.#giveBack(product.text, held.token, (entry) => release(entry, held.token, now))
      return error
    }
    const failure = nextFailure(held.row, error, {
      retry: this.#deps.options.retry,
      entropy: this.#deps.entropy,
      primerRevision: product.primer.revision,
      now,
    })
    await this.#giveBack(product.text, held.token, (entry) => fail(entry, held.token, failure, now))
    emit({
      type: 'compute-failed',
      key: product.text,
      cause: outcome.cause,
      costMs: now - (held.row.lease?.since ?? now),
      attempts: failure.attempts,
      retryAt: failure.retryAt,
      error: outcome.error,
    })
    return withRetryAfter(error, failure, now)
  }

  // When the store cannot be asked the lease simply runs out; the caller hears of the compute's own failure.
  async #giveBack(key: string, token: string, transition: (entry: StoredEntry) => Transition): Promise<void> {
    try {
      await mutate(this.#mutateDeps, { key, operation: `${token}:failed` }, transition)
    } catch (error) {
      emit({ type: 'fault', where: 'giving back a lease', key, error })
    }
  }

  get #mutateDeps() {
    return { entries: this.#deps.store.entries, clock: this.#deps.clock, entropy: this.#deps.entropy }
  }
}
