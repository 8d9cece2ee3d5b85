import type { EntryRow, Happening, StoredEntry } from '../entry/entry.ts'
import { type Mutated, mutate } from '../entry/mutate.ts'
import { claim, fail, release, type Transition } from '../entry/transitions.ts'
import { asKckError, KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { Changes } from './change.ts'
import { circleThrough } from './circle.ts'
import { backingOff, nextFailure, withRetryAfter } from './failure.ts'
import { cycle, Flights } from './flights.ts'
import { happenedIn, lagOf } from './happened.ts'
import { holdLease } from './lease.ts'
import type { Seen } from './look.ts'
import { type MakeDeps, make } from './make.ts'
import { type Held, type HeldEntry, type PublishDeps, publish } from './publish.ts'
import type { Newest } from './recorder.ts'
import { FAILING } from './recorder.ts'

/**
 * One refresh of one key, top to bottom: take the lease (or wait for whoever has it), compute, commit if the lease is
 * still ours. One compute per key at a time: in this process through a flight, across processes through the lease.
 */
export interface RefreshDeps extends MakeDeps {
  readonly changes: Changes
  /** What this process holds of the key is outdated. */
  readonly outdated: (key: string) => void
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
  /** The caller wants newer sources, not just an entry that nothing upstream contradicts. */
  readonly recompute?: boolean
  /** Nothing that the compute reads may rest on less than this. */
  readonly newest?: Newest
  /** Id of a body that cannot be read and must not be kept. */
  readonly damaged?: string | undefined
  /** For who does not ask what became of it: the entry as just read, with what `latest` says, which saves reads. */
  readonly known?: Seen | undefined
}

interface Found {
  readonly entry: StoredEntry
  /** Milliseconds; when the store was asked for it, or told of it. */
  readonly readAt: number
}

export interface Refreshed extends Found {
  /** Somebody else computed it. */
  readonly collapsed: boolean
}

interface Claimed extends HeldEntry {
  /** Milliseconds; when the store was asked for it. */
  readonly readAt: number
}

const FIRST_POLL_MS = 5
const LAST_POLL_MS = 200
/** How long a compute goes on after its last waiter left. */
const LINGER_MS = 500

/** Who computed knows the marks that it folded; others may have read more of them beside the row. */
function withMarksOf({ known }: RefreshRequest, entry: StoredEntry): StoredEntry {
  return known ? { ...entry, marks: [...entry.marks, ...known.entry.marks] } : entry
}

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
      if (!collapsed || request.until(withMarksOf(request, value.entry)))
        return { ...value, collapsed: collapsed || value.collapsed }
    }
  }

  async #fly(product: ProductKey, request: RefreshRequest, signal: AbortSignal): Promise<Refreshed> {
    let { recompute = false, known } = request
    for (;;) {
      const step = await this.#step(product, { ...request, recompute, known, signal })
      if (step.refreshed) return step.refreshed
      recompute ||= step.recompute
      known = undefined
    }
  }

  /** One try: take the lease and compute, or wait for whoever has it. Without a result it is worth another try. */
  async #step(
    product: ProductKey,
    request: RefreshRequest,
  ): Promise<{ readonly refreshed: Refreshed | null; readonly recompute: boolean }> {
    const claimed = await this.#claim(product, request, request.signal)
    if ('done' in claimed) return { refreshed: { ...claimed.done, collapsed: true }, recompute: false }
    if ('busyUntil' in claimed) {
      const found = await this.#whileBusy(product.text, request, claimed.busyUntil, request.signal)
      return { refreshed: found && { ...found, collapsed: true }, recompute: false }
    }
    const made = await this.#underLease(product, claimed, request)
    if (!made) return { refreshed: null, recompute: false }
    const entry = { key: product.text, row: made.row, marks: [] }
    // A value that was only stamped anew may not be what the caller waits for; one just computed always is.
    const isEnough = made.computed || request.until(entry)
    return { refreshed: isEnough ? { entry, readAt: made.readAt, collapsed: false } : null, recompute: true }
  }

  /** Waits while somebody else computes: its commit, its failure or the end of its lease shows in the row. */
  async #whileBusy(
    key: string,
    request: RefreshRequest,
    busyUntil: number,
    signal: AbortSignal,
  ): Promise<Found | null> {
    const { clock, entropy, store } = this.#deps
    for (let poll = 0; clock.now() < busyUntil; poll++) {
      const ceiling = Math.min(LAST_POLL_MS, FIRST_POLL_MS * 2 ** poll, busyUntil - clock.now())
      await clock.sleep(ceiling * (0.5 + entropy.random() / 2), signal)
      const readAt = clock.now()
      const entry = await store.entries.get(key, { consistency: 'latest', signal })
      if (request.until(entry)) return { entry, readAt }
      if (!entry.row?.lease) return null
    }
    // It takes longer than a lease without renewal would. Perhaps it waits for the one that waits for it here.
    const { parent } = request
    const circle = parent === undefined ? null : await circleThrough(store.lineage, { parent, key }, signal)
    if (circle) throw cycle(circle)
    return null
  }

  async #claim(
    product: ProductKey,
    request: RefreshRequest,
    signal: AbortSignal,
  ): Promise<{ readonly done: Found } | Claimed | { readonly busyUntil: number }> {
    const { clock, entropy, options } = this.#deps
    const token = entropy.id()
    const { known } = request
    const readAt = known?.at ?? clock.now()
    let done: Found | null = null
    let before: StoredEntry = { key: product.text, row: null, marks: [] }
    const change = { key: product.text, operation: token, signal, known: known?.entry, keepMarks: known !== undefined }
    const claimed = await mutate(this.#mutateDeps, change, (entry) => {
      done = null
      if (request.until(entry)) {
        done = { entry, readAt }
        return { refused: { reason: 'nothing' } }
      }
      before = entry
      const now = clock.now()
      return claim(entry, { token, until: now + options.leaseMs }, now, {
        retry: request.retry ?? false,
        primerRevision: product.primer.revision,
      })
    })
    if (claimed.applied) {
      emit({ type: 'lease', key: product.text, outcome: 'taken' })
      return { row: claimed.row, token, before, readAt }
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

  /** The committed row, and whether it was computed; null when the lease was lost and all begins again. */
  async #underLease(
    product: ProductKey,
    held: Claimed,
    request: RefreshRequest,
  ): Promise<{ readonly row: EntryRow; readonly readAt: number; readonly computed: boolean } | null> {
    const lease = holdLease(
      { ...this.#mutateDeps, leaseMs: this.#deps.options.leaseMs },
      { key: product.text, token: held.token },
      request.signal,
    )
    try {
      const made = await make(this.#deps, product, held, {
        ...request,
        recompute: request.recompute ?? false,
        signal: lease.signal,
      })
      const publishedAt = this.#deps.clock.now()
      const happened = happenedIn(made, held, request, publishedAt)
      const isKnown = request.known !== undefined
      const row = await publish(this.#publishDeps, product, held, { value: made.value, happened, isKnown })
      if (row) {
        emit({ type: 'refreshed', key: product.text, cause: request.cause, lagMs: lagOf(held.row, row, publishedAt) })
        await made.published()
      }
      return row && { row, readAt: isKnown ? held.readAt : publishedAt, computed: made.computed }
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

  async #failed(
    product: ProductKey,
    held: Held,
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
    const happened: Happening = {
      at: now,
      what: 'failed',
      cause: outcome.cause,
      ms: now - (held.row.lease?.since ?? now),
      error: `${error.code}: ${error.message}`,
    }
    await this.#giveBack(product.text, held.token, (entry) => fail(entry, held.token, failure, now), happened)
    await this.#noteFailing(held.row, product.text)
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
  async #giveBack(
    key: string,
    token: string,
    transition: (entry: StoredEntry) => Transition,
    happened?: Happening,
  ): Promise<void> {
    try {
      await mutate(this.#mutateDeps, { key, operation: `${token}:failed`, happened }, transition)
    } catch (error) {
      emit({ type: 'fault', where: 'giving back a lease', key, error })
    }
  }

  // For those who list what fails; whoever lists it takes off what has recovered.
  async #noteFailing(before: EntryRow, key: string): Promise<void> {
    if (before.failure) return
    try {
      await this.#deps.store.lineage.addEdges(key, [FAILING])
    } catch (error) {
      emit({ type: 'fault', where: 'noting a failing key', key, error })
    }
  }

  get #publishDeps(): PublishDeps {
    const { store, options, changes, outdated } = this.#deps
    return { ...this.#mutateDeps, store, options, changes, outdated }
  }

  get #mutateDeps() {
    return { entries: this.#deps.store.entries, clock: this.#deps.clock, entropy: this.#deps.entropy }
  }
}
