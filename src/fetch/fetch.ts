import type { Materialization, StoredEntry } from '../entry/entry.ts'
import { type Freshness, freshness, hasSeenAll, nextEpoch } from '../entry/freshness.ts'
import { asKckError, KckError, settle } from '../errors.ts'
import { emit } from '../events.ts'
import type { Fetched, FetchRequest } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import { openScope, type Scope, untilAborted } from '../kck/scope.ts'
import type { Clock } from '../ports/clock.ts'
import type { EntryStore } from '../ports/entry-store.ts'
import type { ProductKey } from '../primer/registry.ts'
import type { Refresher } from '../refresh/refresh.ts'
import { type Answer, answer } from './answer.ts'
import { loadBody, type MemoryBody } from './fetched-body.ts'
import type { HeldCopies } from './held-copies.ts'
import { judge } from './judge.ts'
import type { NearCache, Ticket } from './near-cache.ts'
import { SharedReads } from './shared-reads.ts'

/** The share of its time after which a near copy that is asked for is read anew. */
const RENEW_AFTER = 0.7

/** One read, in order: replica, near cache, store, and when none may answer, a compute. */
export interface FetchDeps {
  readonly entries: EntryStore
  readonly clock: Clock
  readonly options: KckOptions
  readonly near: NearCache
  readonly held: HeldCopies
  readonly refresher: Refresher
  /** Asks for a refresh behind the answer; never throws. */
  readonly requestRefresh: (
    product: ProductKey,
    why: { readonly cause: string; readonly entry: StoredEntry | null },
  ) => Promise<void>
  /** Somebody reads it; never throws. */
  readonly noteRead: (product: ProductKey, entry: StoredEntry) => Promise<void>
  /** Why the sources of a product let it wait, when they know. */
  readonly hindrance: (product: ProductKey) => KckError | null
  /** Computes without a store, when the store cannot be asked. */
  readonly computeUnstored: (
    product: ProductKey,
    signal: AbortSignal,
  ) => Promise<{ value: Materialization; body: MemoryBody }>
}

export class Fetcher {
  readonly #deps: FetchDeps
  readonly #reads: SharedReads
  readonly #renewing = new Set<string>()

  constructor(deps: FetchDeps) {
    this.#deps = deps
    this.#reads = new SharedReads(deps.entries)
  }

  /**
   * What is in this machine's memory and may answer without any promise; null when nothing may. A near copy that is asked
   * for again and again is read anew behind the answers before its time is over; so this is for processes that go on
   * living after an answer.
   */
  peek(key: string, revision: string | undefined): Answer | null {
    if (revision === undefined) return null
    const now = this.#deps.clock.now()
    for (const { entry, body, from, readAt } of this.#deps.held.young(key, now)) {
      const fresh = freshness(entry, revision, now)
      if (fresh.state !== 'fresh') continue
      emit({ type: 'hit', key, tier: from, ageMs: now - fresh.value.asOf })
      if (from === 'near' && now - readAt > this.#deps.options.nearCacheMaxAgeMs * RENEW_AFTER) void this.#renew(key)
      return answer(key, { fresh, body, from, failed: false })
    }
    return null
  }

  async #renew(key: string): Promise<void> {
    if (this.#renewing.has(key)) return
    this.#renewing.add(key)
    const { near, clock } = this.#deps
    try {
      const ticket = near.ticket(clock.now())
      const entry = await this.#reads.read(key)
      if (entry.row?.value) await this.#bodyOf(null, entry, entry.row.value, ticket)
    } catch (error) {
      // The next fetch meets the same, and has somebody to tell.
      emit({ type: 'fault', where: 'renewing the near cache', key, error })
    } finally {
      this.#renewing.delete(key)
    }
  }

  async fetch(product: ProductKey, request: FetchRequest, parent?: string): Promise<Answer> {
    const { clock, options } = this.#deps
    const startedAt = clock.now()
    const held = await this.#fromHeld({ product, request, startedAt })
    if (held) return held
    const scope = openScope(clock, request.deadline ?? startedAt + options.deadlineMs, request.signal)
    try {
      return await this.#fromStore({ product, request, startedAt, scope, parent })
    } finally {
      scope.end()
    }
  }

  /** One store round trip for all that replica and near cache cannot answer; then each on its own. */
  async fetchMany(
    products: readonly ProductKey[],
    request: FetchRequest,
    parent?: string,
  ): Promise<readonly (Answer | KckError)[]> {
    const { clock, entries, near } = this.#deps
    const startedAt = clock.now()
    const deadline = request.deadline ?? startedAt + this.#deps.options.deadlineMs
    const scope = openScope(clock, deadline, request.signal)
    try {
      const calls = products.map((product): Call => ({ product, request, startedAt, scope, parent }))
      // A compute must not miss a change that another process has made known.
      const isInput = parent !== undefined
      const answers = await Promise.all(calls.map((call) => (isInput ? null : this.#fromHeld(call))))
      const open = calls.filter((_, index) => answers[index] === null)
      const keys = [...new Set(open.map((call) => call.product.text))]
      const ticket = near.ticket(clock.now())
      const options = {
        signal: scope.signal,
        consistency: isInput || request.after !== undefined ? 'latest' : 'one',
      } as const
      const read = await settle(keys.length === 0 ? [] : entries.getMany(keys, options))
      const stored = read instanceof KckError ? read : new Map(read.map((entry) => [entry.key, entry]))
      return await Promise.all(
        calls.map((call, index) => answers[index] ?? settle(this.#fromRead(call, stored, ticket))),
      )
    } finally {
      scope.end()
    }
  }

  #fromRead(call: Call, stored: ReadonlyMap<string, StoredEntry> | KckError, ticket: Ticket): Promise<Answer> {
    if (stored instanceof KckError) return this.#withoutStore(call, stored)
    const key = call.product.text
    return this.#fromEntry(call, stored.get(key) ?? { key, row: null, marks: [] }, ticket)
  }

  async #fromHeld(call: Asked): Promise<Answer | null> {
    const { clock, held, requestRefresh } = this.#deps
    const { product, request } = call
    // Only the store's latest tells whether a value has seen a change; how old a copy is does not, as clocks differ.
    if (request.after !== undefined) return null
    const now = clock.now()
    for (const { entry, body, from } of held.young(product.text, now, request)) {
      const state = freshness(entry, product.primer.revision, now)
      const verdict = judge(state, request, call.startedAt, now)
      if (verdict === 'compute' || state.state === 'missing') continue
      if (product.primer.idleAfterMs !== null) await this.#deps.noteRead(product, entry)
      if (verdict === 'serve-and-refresh') await requestRefresh(product, { cause: 'stale-read', entry })
      return this.#served(call, entry, { state, body, from })
    }
    return null
  }

  async #fromStore(call: Call): Promise<Answer> {
    const { near, clock } = this.#deps
    const ticket = near.ticket(clock.now())
    const { signal } = call.scope
    const key = call.product.text
    const entry = await settle(
      call.request.after === undefined
        ? untilAborted(this.#reads.read(key), signal)
        : this.#deps.entries.get(key, { consistency: 'latest', signal }),
    )
    if (entry instanceof KckError) return this.#withoutStore(call, entry)
    return this.#fromEntry(call, entry, ticket)
  }

  async #fromEntry(call: Call, entry: StoredEntry, ticket: Ticket): Promise<Answer> {
    const { clock } = this.#deps
    if (call.product.primer.idleAfterMs !== null) await this.#deps.noteRead(call.product, entry)
    const state = freshness(entry, call.product.primer.revision, clock.now())
    const verdict = judge(state, call.request, call.startedAt, clock.now())
    const isOlder = call.request.after !== undefined && !hasSeenAll(entry)
    if (verdict === 'compute' || state.state === 'missing' || isOlder) return this.#computed(call, entry, state)
    const body = await this.#bodyOf(call, entry, state.value, ticket)
    // The row is there and its body is not: as good as missing.
    if (!body) return this.#computed(call, entry, { state: 'missing' }, state.value.body.id)
    if (verdict === 'serve-and-refresh') await this.#deps.requestRefresh(call.product, { cause: 'stale-read', entry })
    return this.#served(call, entry, { state, body, from: 'store' })
  }

  async #computed(call: Call, entry: StoredEntry, state: Freshness, damaged?: string): Promise<Answer> {
    const { product, request, scope } = call
    if (state.state === 'missing') emit({ type: 'miss', key: product.text })
    await this.#refuseCompute(call, entry, state)
    try {
      return await this.#refresh(call, entry, damaged)
    } catch (error) {
      const failure = asKckError(scope.signal.aborted ? scope.signal.reason : error)
      // The caller leaves; a worker goes on, so that the next one finds it.
      if (failure.code === 'DEADLINE_EXCEEDED') await this.#deps.requestRefresh(product, { cause: 'deadline', entry })
      const lastGood = await this.#lastGood(call, entry, request)
      if (lastGood) return lastGood
      throw failure.code === 'DEADLINE_EXCEEDED' ? (this.#deps.hindrance(product) ?? failure) : failure
    }
  }

  async #refuseCompute(call: Call, entry: StoredEntry, state: Freshness): Promise<void> {
    const { product, request } = call
    if (request.onlyIfCached) {
      throw new KckError('ONLY_IF_CACHED', 'Nothing that the request accepts is cached', {
        details: { state: state.state },
      })
    }
    if (state.state === 'missing' && !(product.primer.primeOnMiss ?? this.#deps.options.primeOnMiss)) {
      await this.#deps.requestRefresh(product, { cause: 'not-set', entry })
      throw new KckError('NOT_SET', `${product.text} has no value yet; it has been asked for`, { retryAfterMs: 1_000 })
    }
  }

  async #refresh(call: Call, before: StoredEntry, damaged: string | undefined): Promise<Answer> {
    const { product, request, startedAt, scope, parent } = call
    const { clock, refresher, near } = this.#deps
    const epoch = nextEpoch(before)
    const until = (candidate: StoredEntry) => {
      const value = candidate.row?.value
      if (!value || value.body.id === damaged || value.builtEpoch < epoch) return false
      const now = clock.now()
      const isNew = value.asOf !== before.row?.value?.asOf
      // Stale again already: it changes faster than it is computed, and this is as new as can be had.
      const bounds = isNew ? { ...request, maxStaleMs: Number.POSITIVE_INFINITY } : request
      return judge(freshness(candidate, product.primer.revision, now), bounds, startedAt, now) !== 'compute'
    }
    const { deletions } = near.ticket(startedAt)
    const { entry, collapsed, readAt } = await refresher.refresh(product, {
      cause: request.noCache ? 'manual' : 'miss',
      until,
      signal: scope.signal,
      parent,
      retry: request.retry ?? false,
      // A bound on the age of the sources is not met by hearing that nothing upstream changed.
      recompute: request.noCache === true || request.maxAgeMs !== undefined || request.minFreshMs !== undefined,
      damaged,
    })
    if (collapsed) emit({ type: 'collapsed', key: product.text })
    const state = freshness(entry, product.primer.revision, clock.now())
    if (state.state === 'missing')
      throw new KckError('NOT_SET', `${product.text} was purged while it was computed`, { retryAfterMs: 0 })
    const body = await this.#bodyOf(call, entry, state.value, { deletions, readAt })
    if (!body) throw new KckError('STORE_UNAVAILABLE', 'The value just computed cannot be read back')
    return this.#served(call, entry, { state, body, from: 'compute', collapsed })
  }

  /** Stale-if-error: the last good value, where the request's own bounds allow it. */
  async #lastGood(call: Call, before: StoredEntry, request: FetchRequest): Promise<Answer | null> {
    const { clock } = this.#deps
    if (request.after !== undefined && !hasSeenAll(before)) return null
    const now = clock.now()
    const state = freshness(before, call.product.primer.revision, now)
    if (state.state === 'missing' || judge(state, request, call.startedAt, now) === 'compute') return null
    const body = await this.#bodyOf(call, before, state.value, null)
    return body && this.#served(call, before, { state, body, from: 'store', failed: true })
  }

  /** The store cannot be asked: what this process remembers, else a compute that nobody keeps. */
  async #withoutStore(call: Call, problem: KckError): Promise<Answer> {
    const { product, request, startedAt, scope, parent } = call
    const { clock, held } = this.#deps
    if (scope.signal.aborted) throw asKckError(scope.signal.reason)
    // What is computed from it is kept, so it has to be what the store says.
    if (problem.code !== 'STORE_UNAVAILABLE' || parent !== undefined || request.after !== undefined) throw problem
    emit({ type: 'fault', where: 'reading the store', key: product.text, code: problem.code, error: problem })
    const now = clock.now()
    const found = held.any(product.text, now, request)
    const state: Freshness = found ? freshness(found.entry, product.primer.revision, now) : { state: 'missing' }
    if (found && state.state !== 'missing' && judge(state, request, startedAt, now) !== 'compute') {
      return this.#served(call, found.entry, { state, body: found.body, from: found.from })
    }
    if (request.onlyIfCached || !(product.primer.primeOnMiss ?? this.#deps.options.primeOnMiss)) throw problem
    const { value, body } = await this.#deps.computeUnstored(product, scope.signal)
    return answer(product.text, { fresh: { state: 'fresh', value }, body, from: 'compute', failed: false })
  }

  /** `ticket` null: not to be remembered. */
  /** The body of an entry; with a ticket the near cache keeps both. */
  async #bodyOf(
    call: Pick<Call, 'scope'> | null,
    entry: StoredEntry,
    value: Materialization,
    ticket: Ticket | null,
  ): Promise<MemoryBody | null> {
    const { entries, near } = this.#deps
    // A body never changes under its id: what this process has decoded of it stays good.
    const known = near.getAnyAge(entry.key)
    const isKnown = known !== undefined && known.entry.row?.value?.body.id === value.body.id
    const body = isKnown ? known.body : await loadBody(entries, entry.key, value.body, call?.scope.signal)
    if (body && ticket) near.set(entry.key, { entry, body }, ticket)
    return body
  }

  #served(call: Asked, entry: StoredEntry, made: Made): Answer {
    const { state, body, from, collapsed } = made
    const key = call.product.text
    const ageMs = this.#deps.clock.now() - state.value.asOf
    if (from !== 'compute') {
      if (state.state === 'fresh') emit({ type: 'hit', key, tier: from, ageMs })
      else emit({ type: 'stale', key, tier: from, ageMs, cause: state.cause })
    }
    const failed = made.failed === true || entry.row?.failure != null
    return answer(key, { fresh: state, body, from, failed, ...(collapsed ? { collapsed } : {}) })
  }
}

interface Asked {
  readonly product: ProductKey
  readonly request: FetchRequest
  /** Milliseconds; when the request began. */
  readonly startedAt: number
}

interface Call extends Asked {
  readonly scope: Scope
  readonly parent: string | undefined
}

interface Made {
  readonly state: Exclude<Freshness, { state: 'missing' }>
  readonly body: MemoryBody
  readonly from: Fetched['from']
  readonly collapsed?: boolean
  readonly failed?: boolean
}
