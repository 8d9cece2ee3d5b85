import { asKckError, KckError } from '../errors.ts'
import type { Item } from '../ports/replica-state.ts'
import { append } from './append.ts'
import { catchUp } from './catch-up.ts'
import type { ReplicaCodec } from './codec.ts'
import { compactReplica } from './compact.ts'
import { DecodedValues, nameOf } from './decoded-values.ts'
import { follow } from './follow.ts'
import { type KeyKind, keyBytes, type ReplicaKey } from './key.ts'
import type { ReplicaParts } from './parts.ts'
import { pairsOf } from './range.ts'
import type { Replica, ReplicaCallOptions, ReplicaRange } from './replica.ts'
import { restoreNewest, takeSnapshot } from './snapshots.ts'
import { MAX_VALUE_BYTES } from './update-codec.ts'

export interface ReplicaSettings<T> {
  readonly codec: ReplicaCodec<T>
  readonly keys: KeyKind
  /** Bytes of encoded values whose decoded form this process keeps. */
  readonly cacheBytes: number
  readonly everyMs: number
  readonly deadlineMs: number
}

const LONGEST_WAIT_MS = 30_000
// biome-ignore lint/suspicious/noControlCharactersInRegex: the first of them is where ASCII begins.
const ASCII = /^[\x00-\x7f]*$/

/** The replica over its parts; `openReplica` makes those. */
export function createReplica<T, K extends string | Buffer>(
  parts: ReplicaParts,
  settings: ReplicaSettings<T>,
): Replica<T, K> {
  return new LogFedReplica<T, K>(parts, settings)
}

class LogFedReplica<T, K extends string | Buffer> implements Replica<T, K> {
  readonly name: string
  readonly #parts: ReplicaParts
  readonly #settings: ReplicaSettings<T>
  readonly #decoded: DecodedValues<T> | null
  readonly #followers = new Set<() => Promise<void>>()
  #currentAt: number | null = null

  constructor(parts: ReplicaParts, settings: ReplicaSettings<T>) {
    const { codec, cacheBytes } = settings
    this.name = parts.name
    this.#parts = parts
    this.#settings = settings
    const isKept = !codec.private && cacheBytes > 0
    this.#decoded = isKept
      ? new DecodedValues({ state: parts.state, decode: (bytes) => this.#decode(bytes), capacity: cacheBytes })
      : null
  }

  get(key: ReplicaKey): T | undefined {
    if (this.#decoded === null) {
      const bytes = this.getBytes(key)
      return bytes && this.#decode(bytes)
    }
    const name = typeof key === 'string' && ASCII.test(key) ? key : nameOf(this.#key(key))
    const known = this.#decoded.find(name)
    return known ? known.value : this.#decoded.read(name, this.#key(key))
  }

  getBytes(key: ReplicaKey): Buffer | undefined {
    return this.#parts.state.get(this.#key(key))
  }

  has(key: ReplicaKey): boolean {
    return this.#parts.state.has(this.#key(key))
  }

  *keys(range: ReplicaRange = {}): Generator<K> {
    for (const { key } of this.#pairs(range)) yield this.#keyOut(key)
  }

  *values(range: ReplicaRange = {}): Generator<T> {
    for (const { value } of this.#pairs(range)) yield this.#decode(value as Buffer)
  }

  *entries(range: ReplicaRange = {}): Generator<[K, T]> {
    for (const { key, value } of this.#pairs(range)) yield [this.#keyOut(key), this.#decode(value as Buffer)]
  }

  get size(): number {
    return this.#parts.state.size()
  }

  async set(key: ReplicaKey, value: T, { signal }: ReplicaCallOptions = {}): Promise<number> {
    return await append(this.#parts, [this.#item(key, value)], signal)
  }

  async setMany(
    entries: Iterable<readonly [ReplicaKey, T]> | Readonly<Record<string, T>>,
    { signal }: ReplicaCallOptions = {},
  ): Promise<number> {
    const items = Array.from(pairsIn(entries), ([key, value]) => this.#item(key, value))
    return await append(this.#parts, lastOfEach(items), signal)
  }

  async delete(key: ReplicaKey, { signal }: ReplicaCallOptions = {}): Promise<number> {
    return await append(this.#parts, [{ key: this.#key(key), value: null }], signal)
  }

  async deleteMany(keys: Iterable<ReplicaKey>, { signal }: ReplicaCallOptions = {}): Promise<number> {
    if (typeof keys === 'string' || keys instanceof Uint8Array) {
      throw new KckError('BAD_KEY', 'deleteMany takes a list of keys; use delete for one')
    }
    const items = [...keys].map((key): Item => ({ key: this.#key(key), value: null }))
    return await append(this.#parts, lastOfEach(items), signal)
  }

  async update(toId = Number.POSITIVE_INFINITY, { signal }: ReplicaCallOptions = {}): Promise<number> {
    const { id, currentAt } = await catchUp(this.#parts, toId, signal)
    this.#currentAt = currentAt ?? this.#currentAt
    return id
  }

  follow(): () => Promise<void> {
    const { clock, entropy, name } = this.#parts
    const { everyMs, deadlineMs } = this.#settings
    const end = follow({
      ...{ clock, entropy, name, everyMs, deadlineMs, longestWaitMs: LONGEST_WAIT_MS },
      update: (signal) => this.update(undefined, { signal }),
      updateId: () => this.updateId,
    })
    const stop = async () => {
      this.#followers.delete(stop)
      await end()
    }
    this.#followers.add(stop)
    return stop
  }

  get updateId(): number {
    return this.#parts.state.position().id
  }

  get valid(): boolean {
    return this.#parts.state.position().valid
  }

  get currentAt(): number | null {
    return this.#currentAt
  }

  snapshot({ signal }: ReplicaCallOptions = {}) {
    return takeSnapshot(this.#parts, signal)
  }

  async restore({ signal }: ReplicaCallOptions = {}): Promise<number> {
    await restoreNewest(this.#parts, signal)
    return await this.update(undefined, signal && { signal })
  }

  async compact(
    limitId: number,
    keep?: (key: K, value: T) => boolean,
    { signal }: ReplicaCallOptions = {},
  ): Promise<void> {
    const keepBytes = keep && ((key: Buffer, value: Buffer) => keep(this.#keyOut(key), this.#decode(value)))
    await compactReplica(this.#parts, { limitId, ...(keepBytes && { keep: keepBytes }) }, signal)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#followers].map((stop) => stop()))
    this.#decoded?.clear()
    await Promise.all([this.#parts.state.close(), this.#parts.log.close()])
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#followers].map((stop) => stop()))
    this.#parts.state.clear()
    await this.close()
  }

  #pairs(range: ReplicaRange) {
    return pairsOf(this.#parts.state, range, this.#settings.keys)
  }

  #key(key: unknown): Buffer {
    return keyBytes(key, this.#settings.keys)
  }

  #keyOut(key: Uint8Array): K {
    return (this.#settings.keys === 'text' ? (key as Buffer).toString() : Buffer.from(key)) as K
  }

  #item(key: unknown, value: T): Item {
    return { key: this.#key(key), value: this.#encode(value) }
  }

  #encode(value: T): Uint8Array {
    const { codec } = this.#settings
    const bytes = attempt(() => codec.encode(value), `The value has no form in the codec "${codec.name}"`)
    if (!(bytes instanceof Uint8Array)) throw new KckError('UNSTORABLE', `The codec "${codec.name}" made no bytes`)
    if (bytes.length > MAX_VALUE_BYTES) {
      throw new KckError('TOO_LARGE', `A value has at most ${MAX_VALUE_BYTES} bytes, encoded, not ${bytes.length}`)
    }
    return bytes
  }

  #decode(bytes: Buffer): T {
    const { codec } = this.#settings
    return attempt(() => codec.decode(bytes), `A stored value was not written with the codec "${codec.name}"`)
  }
}

function attempt<R>(work: () => R, message: string): R {
  try {
    return work()
  } catch (error) {
    throw asKckError(error, 'UNSTORABLE', message)
  }
}

function pairsIn<T>(
  entries: Iterable<readonly [ReplicaKey, T]> | Readonly<Record<string, T>>,
): Iterable<readonly [ReplicaKey, T]> {
  if (typeof entries !== 'object' || entries === null) {
    throw new KckError('BAD_KEY', 'setMany takes a Map, a list of pairs, or an object')
  }
  if (Symbol.iterator in entries) return entries as Iterable<readonly [ReplicaKey, T]>
  return Object.entries(entries as Readonly<Record<string, T>>)
}

function lastOfEach(items: readonly Item[]): readonly Item[] {
  return [...new Map(items.map((item) => [nameOf(item.key), item])).values()]
}
