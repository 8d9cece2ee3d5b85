import { asKckError, KckError } from '../errors.ts'
import type { WriteLimits } from './api.ts'
import { type End, endOfLog } from './end-of-log.ts'
import { recordText, type WaitingWrite } from './record.ts'
import { readShard, type ShardDeps, type ShardState } from './shard.ts'

interface Accepting {
  readonly write: WaitingWrite
  readonly bytes: number
  readonly resolve: (place: { readonly position: number; readonly index: number }) => void
  readonly reject: (error: KckError) => void
}

interface Tail extends End {
  /** Milliseconds; when it was known to be the last. */
  readonly seenAt: number
}

/** Of one record: a row of Cassandra, and one write to it. */
const RECORD_WRITES = 64
const RECORD_BYTES = 256 * 1024
/** What was the end is looked for anew after this time: by then records behind it may be done, and after a day be gone. */
const TRUST_MS = 3_600_000
/** What is known to be done is looked at again when there seems to be no room, at most so often. */
const LOOK_AGAIN_MS = 500
const RETRY_AFTER_MS = 10_000
/** More refused records than this, and operators have to look. */
const MOST_PARKED_RANGES = 1_000

/** The end of one log, as this process knows it: what is accepted at the same time is appended together. */
export class LogTail {
  readonly #deps: ShardDeps
  readonly #limits: WriteLimits
  readonly #shard: number
  #waiting: Accepting[] = []
  #appending = false
  #tail: Tail | null = null
  #state: ShardState | null = null
  #stateAt = Number.NEGATIVE_INFINITY

  constructor(deps: ShardDeps, limits: WriteLimits, shard: number) {
    this.#deps = deps
    this.#limits = limits
    this.#shard = shard
  }

  /** Resolves when the write is durable; rejects with `SOURCE_BUSY` when too many wait, or `STORE_UNAVAILABLE`. */
  accept(write: WaitingWrite): Promise<{ readonly position: number; readonly index: number }> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, bytes: Buffer.byteLength(JSON.stringify(write)), resolve, reject })
      if (!this.#appending) void this.#appendAll()
    })
  }

  async #appendAll(): Promise<void> {
    this.#appending = true
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup()
      try {
        await this.#append(group)
      } catch (error) {
        this.#tail = null
        for (const { reject } of group) reject(asKckError(error))
      }
    }
    this.#appending = false
  }

  #nextGroup(): readonly Accepting[] {
    let bytes = 0
    const fits = this.#waiting.findIndex((next, index) => {
      bytes += next.bytes
      return index > 0 && (index >= RECORD_WRITES || bytes > RECORD_BYTES)
    })
    return this.#waiting.splice(0, fits === -1 ? this.#waiting.length : fits)
  }

  async #append(asked: readonly Accepting[]): Promise<void> {
    const { store, clock, entropy } = this.#deps
    const operation = entropy.id()
    for (;;) {
      const tail = await this.#last()
      const group = await this.#withinLimits(asked, tail)
      if (group.length === 0) return
      const position = tail.position + 1
      const total = {
        count: tail.total.count + group.length,
        bytes: tail.total.bytes + group.reduce((sum, { bytes }) => sum + bytes, 0),
      }
      const text = recordText({ total, writes: group.map(({ write }) => write), outcomes: {} })
      if (await store.writeQueue.append(this.#shard, position, { text, operation })) {
        this.#tail = { position, total, seenAt: clock.now() }
        for (const [index, { resolve }] of group.entries()) resolve({ position, index })
        return
      }
      // Another process was faster: its records come first.
      this.#tail = await this.#walk(tail)
    }
  }

  async #last(): Promise<Tail> {
    const now = this.#deps.clock.now()
    if (this.#tail && now - this.#tail.seenAt < TRUST_MS) return this.#tail
    const { done, total } = await this.#look()
    this.#tail = await this.#walk({ position: done, total, seenAt: now })
    return this.#tail
  }

  async #walk(from: Tail): Promise<Tail> {
    const seenAt = this.#deps.clock.now()
    return { ...(await endOfLog(this.#deps.store.writeQueue, this.#shard, from)), seenAt }
  }

  async #look(): Promise<ShardState> {
    this.#stateAt = this.#deps.clock.now()
    this.#state = await readShard(this.#deps, this.#shard)
    return this.#state
  }

  /** Those for which there is room; the others are refused. */
  async #withinLimits(asked: readonly Accepting[], tail: Tail): Promise<readonly Accepting[]> {
    let state = this.#state ?? (await this.#look())
    if (
      this.#fitting(asked, tail, state).length < asked.length &&
      this.#deps.clock.now() - this.#stateAt > LOOK_AGAIN_MS
    ) {
      state = await this.#look()
    }
    const fitting = this.#fitting(asked, tail, state)
    for (const each of asked) if (!fitting.includes(each)) each.reject(tooMany(tail.total.count - state.total.count))
    return fitting
  }

  #fitting(asked: readonly Accepting[], tail: Tail, state: ShardState): readonly Accepting[] {
    const { maxWaiting, maxWaitingBytes } = this.#limits
    if (state.parked.length >= MOST_PARKED_RANGES) return []
    let count = tail.total.count - state.total.count
    let bytes = tail.total.bytes - state.total.bytes
    // In their order: a later write of a key must not come in where an earlier one had no room.
    const full = asked.findIndex((each) => {
      count += 1
      bytes += each.bytes
      return count > maxWaiting || bytes > maxWaitingBytes
    })
    return full === -1 ? asked : asked.slice(0, full)
  }
}

function tooMany(waiting: number): KckError {
  return new KckError('SOURCE_BUSY', 'As many writes wait for the source as may; try again later', {
    details: { waiting },
    retryAfterMs: RETRY_AFTER_MS,
  })
}
