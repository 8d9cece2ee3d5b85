import { closeSync, mkdirSync, openSync, readSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { KckError } from '../../errors.ts'
import { emit } from '../../events.ts'
import type { Clock } from '../../ports/clock.ts'
import { FileRoom, type Growth, storeFull } from './file-room.ts'
import { claimFolder, type Folder } from './folder.ts'
import { GatheredWrites } from './gathered-writes.ts'
import { removeAtOf, type Unreadable } from './record.ts'

export interface EnvironmentOptions {
  /** The folder; made when missing. Everything in it belongs to this store. */
  readonly path: string
  readonly clock: Clock
  /** Bytes of address space to map at first. It grows by itself. Default: 1 MiB. */
  readonly mapSize?: number
}

/** Keys and values are bytes: the encodings that lmdb-js offers change what they are given. */
export type Table = Database<Buffer, Buffer>

interface TreeStats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

/** What lmdb-js says but does not declare. */
interface Stats {
  readonly pageSize: number
  readonly lastPageNumber: number
  readonly free: TreeStats
  readonly root: TreeStats
}

const META_PAGES = 2

/** Where LMDB notes the last committed transaction in its lock file, behind a magic number and a format. */
const COMMITTED_AT = 8

export type Expire = (key: Buffer, record: Buffer) => void

/** Writes between two sweeps of expired records and of readers that died. */
const WRITES_PER_SWEEP = 256
/** Records a sweep looks at. */
const SWEEP = 512

const shared = new Map<string, { environment: Environment; users: number }>()

/** The environment of a folder; one per process, however often it is opened. Close it as often. */
export function openEnvironment(options: EnvironmentOptions): Environment {
  const path = folderAt(options.path)
  const known = shared.get(path)
  if (known) {
    known.users++
    return known.environment
  }
  const environment = new Environment({ ...options, path })
  shared.set(path, { environment, users: 1 })
  return environment
}

export class Environment {
  readonly #folder: Folder
  readonly #root: RootDatabase<Buffer, Buffer>
  readonly #tables = new Map<string, Table>()
  readonly #swept: { readonly table: Table; readonly expire: Expire }[] = []
  readonly #clock: Clock
  readonly #room: FileRoom
  readonly #path: string
  readonly #lockFile: number
  readonly #committed = Buffer.alloc(8)
  readonly #gathered = new GatheredWrites((growth, work) => this.write(growth, work))
  #writes = 0
  #readAt = -1
  #sweepTable = 0
  #sweepFrom: Buffer | undefined

  constructor({ path, clock, mapSize = 1 << 20 }: EnvironmentOptions) {
    this.#clock = clock
    this.#path = path
    this.#room = new FileRoom(path)
    let folder: Folder | undefined
    try {
      folder = claimFolder(path, clock)
      this.#folder = folder
      this.#root = open<Buffer, Buffer>({
        path,
        noSubdir: false,
        mapSize,
        maxDbs: 32,
        maxReaders: 1024,
        // A commit is in the system's page cache when it returns, so it survives the death of the process. What the
        // death of the machine would leave half-written is never used again: see folder.ts.
        noSync: true,
        keyEncoding: 'binary',
        encoding: 'binary',
      })
      this.#lockFile = openSync(join(path, 'lock.mdb'), 'r')
    } catch (error) {
      folder?.release({ clean: false })
      throw unavailable('opened', error)
    }
  }

  /**
   * The table of that name. Expired records in it are deleted by `expire`, which gets their key and value inside a
   * transaction (default: just the record); null: they are somebody else's to delete.
   */
  table(name: string, expire?: Expire | null): Table {
    const known = this.#tables.get(name)
    if (known) return known
    const table = this.#attempt('opened', () => this.#root.openDB({ name, keyEncoding: 'binary', encoding: 'binary' }))
    this.#tables.set(name, table)
    if (expire !== null) this.#swept.push({ table, expire: expire ?? ((key) => table.removeSync(key)) })
    return table
  }

  /** The number of the last transaction that any process committed. */
  stamp(): number {
    readSync(this.#lockFile, this.#committed, 0, 8, COMMITTED_AT)
    return this.#committed.readUInt32LE(0) + this.#committed.readUInt32LE(4) * 2 ** 32
  }

  /** Reads what is committed now, by any process. */
  read<T>(work: () => T): T {
    return this.#attempt('read', () => {
      this.refresh()
      return work()
    })
  }

  /**
   * Has the reads that follow, up to the next `await`, see what is committed now; returns its stamp. LMDB keeps its view
   * until it is told, and telling it costs a timer: only when there is something new.
   */
  refresh(): number {
    const stamp = this.stamp()
    if (stamp !== this.#readAt) {
      this.#root.resetReadTxn()
      this.#readAt = stamp
    }
    return stamp
  }

  /**
   * One transaction of all processes at a time: all of `work` or nothing, committed when this returns. `growth` null:
   * it only deletes, which a full disk does not refuse.
   */
  write<T>(growth: Growth | null, work: () => T): T {
    return this.#attempt('written', () => {
      const result = this.#root.transactionSync(() => {
        if (growth) this.#makeRoom(growth)
        return work()
      })
      if (++this.#writes % WRITES_PER_SWEEP === 0) this.#tidy()
      return result
    })
  }

  /** As `write`, in one transaction with what else is written in this turn of the event loop. */
  writeSoon<T>(growth: Growth | null, work: () => T): Promise<T> {
    return this.#gathered.add(growth, work)
  }

  /** Reports a record that cannot be read; a damaged one has the whole file checked before its next use. */
  unreadable(what: string, key: string, why: Unreadable): void {
    if (why === 'damaged') this.#folder.doubt()
    const message = why === 'damaged' ? `A ${what} is damaged` : `A ${what} was written by a newer KCK`
    emit({ type: 'fault', where: 'lmdb read', key, code: 'STORE_UNAVAILABLE', error: new Error(message) })
  }

  /** Deletes the expired ones of the next `limit` records, from where the last call ended. Returns how many those were. */
  vacuum(limit: number): number {
    const swept = this.#swept[this.#sweepTable % this.#swept.length]
    if (!swept) return 0
    const range = this.#sweepFrom ? { start: this.#sweepFrom, limit } : { limit }
    const records = this.read(() => [...swept.table.getRange(range)])
    const last = records.length < limit ? undefined : records.at(-1)
    this.#sweepFrom = last?.key
    if (!last) this.#sweepTable++
    const expired = records.filter(({ value }) => this.#isExpired(value))
    if (expired.length === 0) return 0
    return this.write(null, () => {
      const still = expired.flatMap(({ key }) => ({ key, value: swept.table.getBinary(key) }))
      return still.filter(({ key, value }) => {
        if (!value || !this.#isExpired(value)) return false
        swept.expire(key, value)
        return true
      }).length
    })
  }

  #isExpired(record: Buffer): boolean {
    const removeAt = removeAtOf(record)
    return removeAt !== null && removeAt <= this.#clock.now()
  }

  async close(): Promise<void> {
    const use = shared.get(this.#path)
    if (use && --use.users > 0) return
    shared.delete(this.#path)
    this.#gathered.flush()
    await this.#root.close()
    closeSync(this.#lockFile)
    this.#folder.release({ clean: true })
  }

  #tidy(): void {
    this.#root.readerCheck()
    this.vacuum(SWEEP)
  }

  #makeRoom(growth: Growth): void {
    const { pageSize, lastPageNumber, free, root } = this.#root.getStats() as Stats
    const freePages = () => {
      const trees = [free, root, ...[...this.#tables.values()].map((table) => table.getStats() as TreeStats)]
      const used = trees.reduce(
        (sum, tree) => sum + tree.treeBranchPageCount + tree.treeLeafPageCount + tree.overflowPages,
        META_PAGES,
      )
      return lastPageNumber + 1 - used
    }
    this.#room.require(growth, { pageSize, lastPage: lastPageNumber, freePages })
  }

  #attempt<T>(what: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (isDamage(error)) this.#folder.doubt()
      if (isFull(error)) this.#room.failed()
      throw unavailable(what, error)
    }
  }
}

/** One name for one folder, made when it is missing. */
function folderAt(path: string): string {
  try {
    mkdirSync(path, { recursive: true })
    return realpathSync(path)
  } catch (error) {
    throw unavailable('opened', error)
  }
}

/** LMDB's own words for pages that make no sense. */
function isDamage(error: unknown): boolean {
  return ['MDB_CORRUPTED', 'MDB_PAGE_NOTFOUND', 'MDB_INVALID'].some((name) => String(error).includes(name))
}

function isFull(error: unknown): boolean {
  return /ENOSPC|EDQUOT|EFBIG|MDB_MAP_FULL|No space left|quota|too large/i.test(String(error))
}

function unavailable(what: string, error: unknown): KckError {
  if (error instanceof KckError) return error
  if (isFull(error)) return storeFull(error)
  const message = isDamage(error)
    ? 'The local store is damaged: restart KCK, which replaces it'
    : `The local store cannot be ${what}`
  return new KckError('STORE_UNAVAILABLE', message, { cause: error, retryAfterMs: 1000 })
}
