import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import {
  type ApplyStep,
  type Changes,
  checksumOf,
  type Exported,
  type Item,
  type Pair,
  type Position,
  type ReplicaState,
} from '../../ports/replica-state.ts'
import { createTable, openTable, type Table } from './table.ts'

export interface SqliteReplicaStateOptions {
  /** The folder; made when missing. This process alone uses it, and what a former one left in it is removed. */
  readonly path: string
}

interface Head extends Position {
  /** Counts changes. */
  readonly version: number
  /** Which of the two data tables counts. */
  readonly table: 0 | 1
}

interface Opened {
  readonly database: DatabaseSync
  /** One holds the dataset; a whole new one is written into the other. */
  readonly data: readonly [Table, Table]
}

const EMPTY: Head = { logId: null, id: 0, valid: false, version: 0, table: 0 }
/** Changes that are remembered, and the most keys of one. */
const REMEMBERED = 512
const MOST_KEYS = 1024
/** Of a page that is copied out. */
const PAGE_PAIRS = 2048
const PAGE_BYTES = 1024 * 1024
const TABLES = ['data0', 'data1'] as const
/** SQLite's codes for a file that is damaged, or none of its own. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26])

/**
 * The state for one process, with what Node itself has: a Lambda function is one process with a disk of its own, which
 * nobody reads after it, and LMDB would need a binary of the machine that it runs on. The data is in the file and where
 * it stands in memory, so nothing is trusted that another process left.
 */
export class SqliteReplicaState implements ReplicaState {
  readonly #folder: string
  readonly #file: string
  #opened: Opened | null = null
  #isOurs = false
  #head = EMPTY
  /** The keys of the last changes, by version. */
  readonly #recent = new Map<number, readonly Uint8Array[]>()
  /** Whoever writes a whole new state. */
  #filling: symbol | null = null

  constructor({ path }: SqliteReplicaStateOptions) {
    this.#folder = path
    this.#file = join(path, 'replica.sqlite')
  }

  position(): Position {
    const { logId, id, valid } = this.#head
    return { logId, id, valid }
  }

  stamp(): number {
    return this.#head.version
  }

  changes(after: number): Changes {
    const { version } = this.#head
    if (after > version || version - after > REMEMBERED) return { version, keys: null }
    const all: Uint8Array[] = []
    for (let each = after + 1; each <= version; each++) {
      const keys = this.#recent.get(each)
      if (!keys) return { version, keys: null }
      all.push(...keys)
    }
    return { version, keys: all }
  }

  get(key: Uint8Array): Buffer | undefined {
    return this.#read((table) => table.get(key))
  }

  has(key: Uint8Array): boolean {
    return this.#read((table) => table.has(key))
  }

  range(from: { readonly start?: Uint8Array; readonly after?: Uint8Array }, limit: number): readonly Pair[] {
    return this.#read((table) => table.range(from, limit))
  }

  size(): number {
    return this.#read((table) => table.size())
  }

  apply({ logId, from, to, items, atHead }: ApplyStep): boolean {
    const head = this.#head
    if (head.id !== from || (head.logId !== null && head.logId !== logId)) return false
    this.#write(({ data }) => {
      for (const item of items) applyItem(data[head.table], item)
    })
    const keys = items.length <= MOST_KEYS ? items.map(({ key }) => key) : null
    this.#goTo({ ...head, logId, id: to, valid: head.valid || atHead }, keys)
    return true
  }

  export(): Exported {
    return this.#attempt(() => {
      // A connection of its own keeps everything as it is now, however long the consumer takes.
      const reader = new DatabaseSync(this.#file, { readOnly: true })
      reader.exec('BEGIN')
      const table = openTable(reader, TABLES[this.#head.table])
      table.has(Buffer.alloc(0))
      return { position: this.position(), pages: pagesOf(reader, table) }
    })
  }

  async replace(
    position: { readonly logId: string; readonly id: number },
    pages: AsyncIterable<readonly Pair[]>,
  ): Promise<boolean> {
    if (this.#filling || this.#isPast(position)) return false
    const own = Symbol('filling')
    this.#filling = own
    const target = this.#head.table === 0 ? 1 : 0
    try {
      this.#write(({ data }) => data[target].clear())
      for await (const page of pages) {
        if (this.#filling !== own) throw unreadable()
        this.#write(({ data }) => {
          for (const { key, value } of page) data[target].put(key, value)
        })
      }
      if (this.#filling !== own || this.#isPast(position)) return false
      const { valid, logId } = this.#head
      this.#goTo({ ...this.#head, ...position, valid: valid && logId === position.logId, table: target }, null)
      return true
    } finally {
      if (this.#filling === own) this.#filling = null
      // What is no longer in use, or never came into it.
      this.#write(({ data }) => data[this.#head.table === 0 ? 1 : 0].clear())
    }
  }

  clear(): void {
    this.#filling = null
    this.#write(({ data }) => {
      for (const table of data) table.clear()
    })
    this.#goTo(EMPTY, null)
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    opened?.database.close()
  }

  #isPast({ logId, id }: { readonly logId: string; readonly id: number }): boolean {
    return this.#head.logId === logId && this.#head.id >= id && this.#head.id > 0
  }

  #goTo(head: Omit<Head, 'version'>, keys: readonly Uint8Array[] | null): void {
    const version = this.#head.version + 1
    this.#head = { ...head, version }
    this.#recent.delete(version - REMEMBERED)
    if (keys) this.#recent.set(version, keys)
  }

  #read<T>(work: (table: Table) => T): T {
    if (!this.#head.valid) throw unreadable()
    return this.#attempt(({ data }) => work(data[this.#head.table]))
  }

  #write(work: (opened: Opened) => void): void {
    this.#attempt((opened) => {
      const { database } = opened
      database.exec('BEGIN IMMEDIATE')
      try {
        work(opened)
        database.exec('COMMIT')
      } finally {
        if (database.isTransaction) database.exec('ROLLBACK')
      }
    })
  }

  #attempt<T>(work: (opened: Opened) => T): T {
    try {
      return work(this.#open())
    } catch (cause) {
      const { errcode } = cause as { readonly errcode?: number }
      if (errcode !== undefined && DAMAGED.has(errcode & 0xff)) this.#beginAnew(cause)
      throw unusable(cause)
    }
  }

  #open(): Opened {
    if (this.#opened) return this.#opened
    mkdirSync(this.#folder, { recursive: true })
    if (!this.#isOurs) for (const end of ['', '-wal', '-shm']) rmSync(`${this.#file}${end}`, { force: true })
    const database = new DatabaseSync(this.#file)
    // Nobody reads it after the machine, so nothing waits for the disk.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF')
    for (const name of TABLES) createTable(database, name)
    this.#opened = { database, data: [openTable(database, TABLES[0]), openTable(database, TABLES[1])] }
    this.#isOurs = true
    return this.#opened
  }

  /** The follower builds it again. */
  #beginAnew(error: unknown): void {
    emit({ type: 'fault', where: 'the file of the replica', error })
    this.#opened?.database.close()
    this.#opened = null
    this.#isOurs = false
    this.#filling = null
    this.#goTo(EMPTY, null)
  }
}

function applyItem(table: Table, { key, value, onlyIf }: Item): void {
  if (onlyIf) {
    const present = table.get(key)
    if (!(present && checksumOf(present).equals(onlyIf))) return
  }
  if (value === null) table.remove(key)
  else table.put(key, value)
}

async function* pagesOf(reader: DatabaseSync, table: Table): AsyncGenerator<readonly Pair[]> {
  try {
    let page: Pair[] = []
    let bytes = 0
    for (const pair of table.all()) {
      page.push(pair)
      bytes += pair.key.length + pair.value.length
      if (page.length < PAGE_PAIRS && bytes < PAGE_BYTES) continue
      yield page
      page = []
      bytes = 0
    }
    if (page.length > 0) yield page
  } finally {
    reader.close()
  }
}

function unusable(cause: unknown): KckError {
  return new KckError('STORE_UNAVAILABLE', 'The file of the replica cannot be read or written', { cause })
}

function unreadable(): KckError {
  const message = 'The replica has no complete state yet: update it, or wait for its follower'
  return new KckError('STORE_UNAVAILABLE', message, { retryAfterMs: 1_000 })
}
