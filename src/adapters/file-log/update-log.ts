import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import { KckError } from '../../errors.ts'
import type { CallOptions } from '../../ports/entry-store.ts'
import type { LogPage, LogState, LogUpdate, NewUpdate, UpdateLog } from '../../ports/update-log.ts'
import { decodeStored, encodeStored } from './record.ts'

export interface FileLogOptions {
  /** The folder; made when missing. Everything in it belongs to this log. */
  readonly path: string
}

type Table = Database<Buffer, Buffer>

interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>
  /** One record: the state. */
  readonly meta: Table
  /** By id. */
  readonly updates: Table
  /** The id of the newest update of a key, by key. */
  readonly newest: Table
}

const STATE = Buffer.from('state')
const REMOVED_AT_ONCE = 500

/**
 * A log in a folder, for the processes of one machine. LMDB again, but here every commit is on the disk before anyone
 * sees it: this is what is true, not a copy of it. It counts on the disk to keep what it was given.
 */
export class FileUpdateLog implements UpdateLog {
  readonly #path: string
  #tables: Tables | null = null

  constructor({ path }: FileLogOptions) {
    this.#path = path
  }

  append({ contents, key }: NewUpdate, { signal }: CallOptions = {}): Promise<number> {
    const record = encodeStored(contents, key)
    return this.#write(signal, ({ meta, updates, newest }) => {
      const state = stateIn(meta)
      const id = state.head + 1
      if (key) {
        const former = newest.getBinary(key as Buffer)
        if (former) updates.removeSync(former)
        newest.putSync(key as Buffer, placeOf(id))
      }
      updates.putSync(placeOf(id), record)
      putState(meta, { ...state, head: id })
      return id
    })
  }

  read(after: number, limit: { readonly bytes: number }, { signal }: CallOptions = {}): Promise<LogPage> {
    return this.#read(signal, ({ meta, updates: table }) => {
      const state = stateIn(meta)
      const updates: LogUpdate[] = []
      let bytes = 0
      for (const { key, value } of table.getRange({ start: placeOf(after + 1) })) {
        const id = idOf(key)
        const contents = decodeStored(value)?.contents ?? damaged(id)
        bytes += contents.length
        if (updates.length > 0 && bytes > limit.bytes)
          return { ...state, updates, through: updates.at(-1)?.id ?? after }
        updates.push({ id, contents })
      }
      return { ...state, updates, through: Math.max(after, state.head) }
    })
  }

  state({ signal }: CallOptions = {}): Promise<LogState> {
    return this.#read(signal, ({ meta }) => stateIn(meta))
  }

  raiseFloor(id: number, { signal }: CallOptions = {}): Promise<void> {
    return this.#write(signal, ({ meta }) => {
      const state = stateIn(meta)
      putState(meta, { ...state, floor: Math.max(state.floor, Math.min(id, state.head)) })
    })
  }

  async remove(id: number, { signal }: CallOptions = {}): Promise<void> {
    const { floor } = await this.state(signal && { signal })
    if (id > floor) {
      throw new KckError('BAD_REQUEST', 'Updates above the floor of the log cannot be removed: raise the floor first')
    }
    const end = placeOf(id + 1)
    const some = (tables: Tables) => {
      const old = [...tables.updates.getRange({ end, limit: REMOVED_AT_ONCE })]
      for (const { key: place, value } of old) {
        const key = decodeStored(value)?.key
        if (key && tables.newest.getBinary(key)?.equals(place)) tables.newest.removeSync(key)
        tables.updates.removeSync(place)
      }
      return old.length
    }
    while ((await this.#write(signal, some)) === REMOVED_AT_ONCE) signal?.throwIfAborted()
  }

  async createSchema(): Promise<void> {
    await this.state()
  }

  async close(): Promise<void> {
    const tables = this.#tables
    this.#tables = null
    await tables?.root.close()
  }

  #open(): Tables {
    if (this.#tables) return this.#tables
    mkdirSync(this.#path, { recursive: true })
    const binary = { keyEncoding: 'binary', encoding: 'binary' } as const
    const root = open<Buffer, Buffer>({
      ...binary,
      path: this.#path,
      noSubdir: false,
      maxReaders: 1024,
      // Durable first, visible then.
      overlappingSync: false,
    })
    const table = (name: string) => root.openDB({ name, ...binary })
    const tables = { root, meta: table('meta'), updates: table('updates'), newest: table('newest') }
    root.transactionSync(() => {
      if (tables.meta.getBinary(STATE)) return
      putState(tables.meta, { logId: randomBytes(12).toString('base64url'), head: 0, floor: 0 })
    })
    this.#tables = tables
    return tables
  }

  async #read<T>(signal: AbortSignal | undefined, work: (tables: Tables) => T): Promise<T> {
    signal?.throwIfAborted()
    try {
      const tables = this.#open()
      tables.root.resetReadTxn()
      return work(tables)
    } catch (error) {
      throw unavailable(error)
    }
  }

  /** Synchronous: the wait for the disk is short, and transactions of two clients in one process cannot wait for each other. */
  async #write<T>(signal: AbortSignal | undefined, work: (tables: Tables) => T): Promise<T> {
    signal?.throwIfAborted()
    try {
      const tables = this.#open()
      return tables.root.transactionSync(() => work(tables))
    } catch (error) {
      throw unavailable(error)
    }
  }
}

/** Sorts as the id does. */
function placeOf(id: number): Buffer {
  const place = Buffer.allocUnsafe(8)
  place.writeBigUInt64BE(BigInt(id))
  return place
}

const idOf = (place: Buffer): number => Number(place.readBigUInt64BE())

function stateIn(meta: Table): LogState {
  const text = meta.getBinary(STATE)?.toString()
  if (text === undefined) throw new Error('The log has no state')
  return JSON.parse(text) as LogState
}

function putState(meta: Table, { logId, head, floor }: LogState): void {
  meta.putSync(STATE, Buffer.from(JSON.stringify({ logId, head, floor })))
}

function damaged(id: number): never {
  throw new Error(`Update ${id} is damaged`)
}

function unavailable(error: unknown): KckError {
  if (error instanceof KckError) return error
  return new KckError('STORE_UNAVAILABLE', 'The log of updates cannot be used: look at its folder and its disk', {
    cause: error,
    retryAfterMs: 1_000,
  })
}
