import { KckError } from '../../errors.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  type ApplyStep,
  type Changes,
  checksumOf,
  type Exported,
  type Pair,
  type Position,
  type ReplicaState,
} from '../../ports/replica-state.ts'
import { type Environment, openEnvironment, type Table } from './environment.ts'
import { isRunning, processName } from './processes.ts'
import { checkedPayload, seal, unseal } from './record.ts'
import { decodeHead, EMPTY_HEAD, encodeHead, type Head } from './replica-head.ts'
import { RecentChanges } from './replica-recent.ts'

export interface LmdbReplicaStateOptions {
  /** The folder; made when missing. Everything in it belongs to this dataset. */
  readonly path: string
  readonly clock: Clock
}

const HEAD = Buffer.from('head')
const HEAD_BYTES = 256
/** Pairs and bytes of a page that is copied out, and of a transaction that copies in. */
const PAGE_PAIRS = 2048
const PAGE_BYTES = 1024 * 1024

type Transaction = ReturnType<Table['useReadTransaction']>

interface Tables {
  readonly environment: Environment
  readonly head: Table
  readonly recent: RecentChanges
  /** One holds the dataset; a whole new one is written into the other. */
  readonly data: readonly [Table, Table]
}

/**
 * The state in an LMDB environment of its own. Table `head` has one record: where it stands and which of the tables
 * `data0` and `data1` counts. `recent` says which keys the last changes touched.
 */
export class LmdbReplicaState implements ReplicaState {
  readonly #options: LmdbReplicaStateOptions
  #tables: Tables | null = null
  #known: Head = EMPTY_HEAD
  #knownAt = -1

  constructor(options: LmdbReplicaStateOptions) {
    this.#options = options
  }

  position(): Position {
    const { logId, id, valid } = this.#head()
    return { logId, id, valid }
  }

  stamp(): number {
    return this.#open().environment.stamp()
  }

  changes(version: number): Changes {
    const head = this.#head()
    const { recent } = this.#open()
    return { version: head.version, keys: recent.between(version, head.version) }
  }

  get(key: Uint8Array): Buffer | undefined {
    const table = this.#readable()
    // The library's own buffer, which the next read overwrites: a checked copy costs less than its `getBinary`.
    const record = table.getBinaryFast(key as Buffer)
    return record && (checkedPayload(key, record) ?? this.#damaged(key))
  }

  has(key: Uint8Array): boolean {
    return this.#readable().doesExist(key as Buffer)
  }

  range(from: { readonly start?: Uint8Array; readonly after?: Uint8Array }, limit: number): readonly Pair[] {
    const table = this.#readable()
    const start = (from.after ?? from.start) as Buffer | undefined
    const range = { ...(start && { start }), exclusiveStart: from.after !== undefined, limit }
    return [...table.getRange(range)].map(({ key, value }) => this.#pair(key, value))
  }

  size(): number {
    const { entryCount } = this.#readable().getStats() as { readonly entryCount: number }
    return entryCount
  }

  apply({ logId, from, to, items, atHead }: ApplyStep): boolean {
    const { environment, data, recent } = this.#open()
    const bytes = items.reduce((sum, item) => sum + item.key.length + (item.value?.length ?? 0), HEAD_BYTES)
    return environment.write({ records: items.length + 3, bytes }, () => {
      const head = this.#stored()
      if (head.id !== from || (head.logId !== null && head.logId !== logId)) return false
      const table = data[head.table]
      for (const { key, value, onlyIf } of items) {
        if (onlyIf && !this.#has(table, key, onlyIf)) continue
        if (value === null) table.removeSync(key as Buffer)
        else table.putSync(key as Buffer, seal(key, null, [value]))
      }
      const version = head.version + 1
      recent.note(version, items)
      this.#putHead({ ...head, logId, id: to, valid: head.valid || atHead, version })
      return true
    })
  }

  export(): Exported {
    const { environment, data, head } = this.#open()
    environment.refresh()
    // A read transaction of its own keeps everything as it is now, however long the consumer takes.
    const transaction = data[0].useReadTransaction()
    try {
      const { logId, id, valid, table } = readHead(head.get(HEAD, { transaction }))
      return { position: { logId, id, valid }, pages: this.#pages(data[table], transaction) }
    } catch (error) {
      transaction.done()
      throw error
    }
  }

  async replace(
    position: { readonly logId: string; readonly id: number },
    pages: AsyncIterable<readonly Pair[]>,
  ): Promise<boolean> {
    const target = this.#claim(position)
    if (target === null) return false
    try {
      for await (const page of pages) for (const part of parts(page)) this.#fill(target, part)
      return this.#switchTo(target, position)
    } finally {
      this.#giveUp(target)
    }
  }

  clear(): void {
    const { environment, data } = this.#open()
    environment.write(null, () => {
      const head = this.#stored()
      for (const table of data) table.clearSync()
      this.#putHead({ ...EMPTY_HEAD, version: head.version + 1 })
    })
  }

  async close(): Promise<void> {
    const tables = this.#tables
    this.#tables = null
    await tables?.environment.close()
  }

  #open(): Tables {
    if (this.#tables) return this.#tables
    const environment = openEnvironment(this.#options)
    // Nothing in them expires.
    const table = (name: string) => environment.table(name, null)
    this.#tables = {
      environment,
      head: table('head'),
      recent: new RecentChanges(table('recent')),
      data: [table('data0'), table('data1')],
    }
    this.#knownAt = -1
    return this.#tables
  }

  /** Has all reads up to the next `await` see what is committed now. */
  #head(): Head {
    const { environment } = this.#open()
    const stamp = environment.refresh()
    if (stamp !== this.#knownAt) {
      this.#known = environment.read(() => this.#stored())
      this.#knownAt = stamp
    }
    return this.#known
  }

  #readable(): Table {
    const head = this.#head()
    if (!head.valid) throw unreadable()
    return this.#open().data[head.table]
  }

  #stored(): Head {
    return readHead(this.#open().head.getBinary(HEAD))
  }

  #has(table: Table, key: Uint8Array, checksum: Uint8Array): boolean {
    const record = table.getBinary(key as Buffer)
    return record !== undefined && checksumOf(this.#pair(key as Buffer, record).value).equals(checksum)
  }

  #putHead(head: Head): void {
    this.#open().head.putSync(HEAD, seal(HEAD, null, [encodeHead(head)]))
  }

  #pair(key: Buffer, record: Buffer): Pair {
    return { key, value: checkedPayload(key, record) ?? this.#damaged(key) }
  }

  /** Nothing of a damaged state is served: all of it is built anew. */
  #damaged(key: Uint8Array): never {
    this.#open().environment.unreadable('value', Buffer.from(key).toString(), 'damaged')
    this.clear()
    throw unreadable()
  }

  async *#pages(table: Table, transaction: Transaction): AsyncIterable<readonly Pair[]> {
    try {
      let after: Buffer | undefined
      do {
        const page: Pair[] = []
        let bytes = 0
        for (const { key, value } of table.getRange({
          ...(after && { start: after }),
          exclusiveStart: true,
          transaction,
        })) {
          page.push(this.#pair(key, value))
          bytes += key.length + value.length
          if (page.length === PAGE_PAIRS || bytes >= PAGE_BYTES) break
        }
        after = page.at(-1)?.key as Buffer | undefined
        if (page.length > 0) yield page
      } while (after)
    } finally {
      transaction.done()
    }
  }

  /** The number of the table to fill; null: another process has a newer state, or is at it. */
  #claim(position: { readonly logId: string; readonly id: number }): Head | null {
    const { environment, data } = this.#open()
    return environment.write(null, () => {
      const head = this.#stored()
      const isNewer = head.logId === position.logId && head.id >= position.id && head.id > 0
      if (isNewer || (head.filledBy !== null && isRunning(head.filledBy))) return null
      data[other(head)].clearSync()
      const claimed = { ...head, filledBy: processName() }
      this.#putHead(claimed)
      return claimed
    })
  }

  #fill(claimed: Head, pairs: readonly Pair[]): void {
    const { environment, data } = this.#open()
    const bytes = pairs.reduce((sum, pair) => sum + pair.key.length + pair.value.length, 0)
    environment.write({ records: pairs.length, bytes }, () => {
      if (this.#stored().filledBy !== claimed.filledBy) throw unreadable()
      const table = data[other(claimed)]
      for (const { key, value } of pairs) table.putSync(key as Buffer, seal(key, null, [value]))
    })
  }

  #switchTo(claimed: Head, position: { readonly logId: string; readonly id: number }): boolean {
    const { environment, data } = this.#open()
    return environment.write({ records: 2, bytes: HEAD_BYTES }, () => {
      const head = this.#stored()
      if (head.filledBy !== claimed.filledBy || head.table !== claimed.table) return false
      if (head.logId === position.logId && head.id > position.id) return false
      data[head.table].clearSync()
      const valid = head.valid && head.logId === position.logId
      this.#putHead({ ...position, valid, version: head.version + 1, table: other(head), filledBy: null })
      return true
    })
  }

  #giveUp(claimed: Head): void {
    const { environment, data } = this.#open()
    environment.write(null, () => {
      const head = this.#stored()
      if (head.filledBy === null || head.filledBy !== claimed.filledBy) return
      data[other(head)].clearSync()
      this.#putHead({ ...head, filledBy: null })
    })
  }
}

function readHead(record: Buffer | undefined): Head {
  if (!record) return EMPTY_HEAD
  const content = unseal(HEAD, record)
  if (typeof content === 'string') throw unreadable()
  return decodeHead(content.payload)
}

const other = (head: Head): 0 | 1 => (head.table === 0 ? 1 : 0)

function* parts(page: readonly Pair[]): Iterable<readonly Pair[]> {
  for (let from = 0; from < page.length; from += PAGE_PAIRS) yield page.slice(from, from + PAGE_PAIRS)
}

function unreadable(): KckError {
  return new KckError(
    'STORE_UNAVAILABLE',
    'The replica has no complete state yet: update it, or wait for its follower',
    {
      retryAfterMs: 1_000,
    },
  )
}
