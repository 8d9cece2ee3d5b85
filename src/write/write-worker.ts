import { concurrently } from '../async/concurrently.ts'
import { asKckError, KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { ENDED } from '../kck/scope.ts'
import type { Source } from '../ports/source.ts'
import { chooseSource } from '../refresh/context.ts'
import { forgetOld } from './ledger.ts'
import { LAST_RETRY_MS, Pass, type WriteWorkerDeps } from './pass.ts'
import { type Logged, parseRecord, recordText, SHARDS, type WaitingWrite } from './record.ts'
import { settle } from './settle.ts'
import { changeShard, readShard, type ShardState, type Trouble, withParked } from './shard.ts'

/** Milliseconds for which a log stays with a process that was killed. */
const LEASE_MS = 30_000
/** Records of one batch, and writes at which it is full. */
const BATCH_RECORDS = 64
const BATCH_WRITES = 200
/** Logs that one process applies at a time: the source has a budget, and a single one uses a connection. */
const AT_ONCE = 2
/** Milliseconds between two looks for writes that another process has accepted: soon after work, seldom without. */
const FIRST_LOOK_MS = 250
const LAST_LOOK_MS = 5_000
const FORGET_EVERY_MS = 3_600_000
const MOST_PARKED_RANGES = 2_000

const ALL = Array.from({ length: SHARDS }, (_, shard) => shard)

/** Applies what waits, in the order of each log, one process per log at a time. */
export class WriteWorker {
  readonly #deps: WriteWorkerDeps
  readonly #token: string
  readonly #forgotAt = new Map<number, number>()
  #wake = new AbortController()

  constructor(deps: WriteWorkerDeps) {
    this.#deps = deps
    this.#token = deps.entropy.id()
  }

  /** Something has just been accepted in this process. */
  wake(): void {
    this.#wake.abort(ENDED)
  }

  /** Goes on until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let pause = FIRST_LOOK_MS
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const applied = await this.drain(signal)
      pause = applied > 0 ? FIRST_LOOK_MS : Math.min(LAST_LOOK_MS, pause * 2)
      await this.#deps.clock.sleep(pause, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined)
      if (this.#wake.signal.aborted) pause = FIRST_LOOK_MS
    }
  }

  /** Applies until nothing is left that can be applied now. Returns how many writes; never rejects. */
  async drain(signal: AbortSignal, shards: readonly number[] = ALL): Promise<number> {
    const counts = await concurrently(shards, AT_ONCE, (shard) => this.#drainShard(shard, signal))
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async #drainShard(shard: number, signal: AbortSignal): Promise<number> {
    let applied = 0
    try {
      for (let state = await this.#take(shard, signal); state; ) {
        const records = signal.aborted ? [] : await this.#next(shard, state, signal)
        if (records.length === 0) {
          await this.#leave(shard)
          break
        }
        const next = await this.#applyRecords(shard, state, { records, signal })
        applied += next.applied
        state = next.state
      }
    } catch (error) {
      if (!signal.aborted) emit({ type: 'fault', where: 'applying cached writes', code: asKckError(error).code, error })
      // Where the store does not answer either, the lease runs out.
      await this.#leave(shard).catch(() => undefined)
    }
    return applied
  }

  /** The log, for this process; null: nothing waits in it, or somebody else has it. */
  async #take(shard: number, signal: AbortSignal): Promise<ShardState | null> {
    const { clock, store } = this.#deps
    const seen = await readShard(this.#deps, shard, signal)
    if (seen.settled === seen.done && (await store.writeQueue.read(shard, seen.done, 1, { signal })).length === 0)
      return null
    if (seen.parked.length > MOST_PARKED_RANGES)
      throw new KckError('CONFLICT', 'Too many refused writes: retry or discard them')
    const taken = await changeShard(
      this.#deps,
      shard,
      (state) => {
        const now = clock.now()
        const isOurs = state.lease?.token === this.#token
        const isTaken = !isOurs && state.lease !== null && isAhead(state.lease.until, now, LEASE_MS)
        if (isTaken || (state.trouble && isAhead(state.trouble.retryAt, now, LAST_RETRY_MS))) return undefined
        return { ...state, lease: { token: this.#token, until: now + LEASE_MS } }
      },
      signal,
    )
    return taken ?? null
  }

  async #next(shard: number, state: ShardState, signal: AbortSignal): Promise<readonly Logged[]> {
    if (state.settled < state.done) await settle(this.#deps, shard, state, signal)
    const stored = await this.#deps.store.writeQueue.read(shard, state.done, BATCH_RECORDS, { signal })
    let writes = 0
    const records: Logged[] = []
    for (const record of stored.map(parseRecord)) {
      writes += record.writes.length
      if (records.length > 0 && writes > BATCH_WRITES) break
      records.push(record)
    }
    return records
  }

  async #applyRecords(
    shard: number,
    state: ShardState,
    { records, signal }: { readonly records: readonly Logged[]; readonly signal: AbortSignal },
  ): Promise<{ readonly applied: number; readonly state: ShardState | null }> {
    const pass = new Pass(this.#deps, shard, state.trouble, signal)
    const waiting = records.flatMap(({ writes, outcomes }) => writes.filter((_, index) => !outcomes[index]))
    await pass.apply(waiting)
    if (pass.trouble) {
      await this.#leave(shard, pass.trouble)
      return { applied: 0, state: null }
    }
    const parked: number[] = []
    for (const record of records) {
      const outcomes = { ...record.outcomes }
      for (const [index, { id }] of record.writes.entries()) {
        const outcome = pass.refused.get(id)
        if (outcome) outcomes[index] = outcome
      }
      if (Object.values(outcomes).some((outcome) => outcome.state === 'parked')) parked.push(record.position)
      // Before the log moves on: what is parked must be found with its reason.
      if (!(await this.#note(shard, { ...record, outcomes }, record))) return { applied: 0, state: null }
    }
    return { applied: waiting.length, state: await this.#advance(shard, { records, parked, signal }) }
  }

  /** False: another process has this log now. */
  async #note(shard: number, next: Logged, before: Logged): Promise<boolean> {
    if (Object.keys(next.outcomes).length === Object.keys(before.outcomes).length) return true
    const record = { text: recordText(next), operation: this.#deps.entropy.id(), removeAt: null }
    return this.#deps.store.writeQueue.replace(shard, before, record)
  }

  async #advance(
    shard: number,
    {
      records,
      parked,
      signal,
    }: { readonly records: readonly Logged[]; readonly parked: readonly number[]; readonly signal: AbortSignal },
  ): Promise<ShardState | null> {
    const last = records.at(-1) as Logged
    const next = await changeShard(this.#deps, shard, (state) => {
      if (state.lease?.token !== this.#token || state.done >= last.position) return undefined
      return {
        ...state,
        done: last.position,
        total: last.total,
        parked: withParked(state.parked, parked),
        lease: { token: this.#token, until: this.#deps.clock.now() + LEASE_MS },
        trouble: null,
      }
    })
    if (!next) return null
    const settled = await settle(this.#deps, shard, next, signal)
    await this.#forget(shard, records, signal)
    return settled
  }

  async #leave(shard: number, trouble?: Trouble): Promise<void> {
    await changeShard(this.#deps, shard, (state) =>
      state.lease?.token === this.#token ? { ...state, lease: null, ...(trouble ? { trouble } : {}) } : undefined,
    )
  }

  /** Now and then the source forgets what nobody will ask about any more. */
  async #forget(shard: number, records: readonly Logged[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps
    if (clock.now() - (this.#forgotAt.get(shard) ?? Number.NEGATIVE_INFINITY) < FORGET_EVERY_MS) return
    this.#forgotAt.set(shard, clock.now())
    const sources = new Set(records.flatMap(({ writes }) => writes.flatMap((write) => this.#sourceOf(write))))
    for (const source of sources) {
      await forgetOld(source, shard, signal).catch((error: unknown) => {
        emit({ type: 'fault', where: 'forgetting old cached writes', error })
      })
    }
  }

  #sourceOf(write: WaitingWrite): readonly Source[] {
    try {
      return [chooseSource(this.#deps.sources, this.#deps.registry.parseUpdaterKey(write.updater).updater.source)]
    } catch {
      return []
    }
  }
}

/** Whether a time is still to come. One that lies too far ahead is of a clock that is wrong, and counts for nothing. */
function isAhead(time: number, now: number, most: number): boolean {
  return now < time && time - now <= 2 * most
}
