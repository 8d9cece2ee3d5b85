import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { unseal } from './record.ts'

/**
 * Checks a data file that nobody has open, without mapping it: LMDB trusts its file, so a truncated one ends the
 * process (SIGBUS), a wrong page number too (SIGSEGV), and a flipped bit is served. Follows the tree from its root
 * through every page and verifies every record's checksum.
 *
 * Layout of a page (64-bit little-endian machines, the library's data format 2): number (8), transaction (8), padding
 * (2), flags (2), then `lower` and `upper` (2 + 2) or, for an overflow run, its pages (4); then the offsets of the nodes.
 */
const HEADER = 24
const MAGIC = 0xbeefc0de
const BRANCH = 0x01
const LEAF = 0x02
const OVERFLOW = 0x04
const META = 0x08
const BIG = 0x01
const SUBDATABASE = 0x02
const NONE = 0xffff_ffff_ffff_ffffn
const DATABASE_SIZE = 48
const META_PAGES = 2
/** Bytes of a node before its key. */
const NODE = 8
const OVERFLOW_POINTER = 24

export class DamagedFile extends Error {
  override readonly name = 'DamagedFile'
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
  readonly transaction: bigint
  readonly free: Buffer
  readonly main: Buffer
}

/** The newest committed transaction. Throws `DamagedFile` when the head of the file cannot be one of LMDB's. */
export function checkHead(path: string): { readonly transaction: bigint; readonly size: number } {
  return withFile(path, (file, size) => ({ transaction: readMeta(file, size).transaction, size }))
}

/** Reads the whole file. Throws `DamagedFile`. */
export function checkFile(path: string): void {
  withFile(path, (file, size) => {
    new Walk(file, readMeta(file, size)).check()
  })
}

function withFile<T>(path: string, work: (file: number, size: number) => T): T {
  const file = openSync(path, 'r')
  try {
    return work(file, fstatSync(file).size)
  } finally {
    closeSync(file)
  }
}

function read(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  if (readSync(file, bytes, 0, length, position) !== length) throw new DamagedFile('The file ends too early')
  return bytes
}

function readMeta(file: number, size: number): Meta {
  const first = metaAt(read(file, 0, HEADER + 160), 0)
  const second = metaAt(read(file, first.pageSize, HEADER + 160), 1)
  const apart = second.transaction - first.transaction
  if (second.pageSize !== first.pageSize || apart > 1n || apart < -1n) throw new DamagedFile('The two heads disagree')
  const newest = apart > 0n ? second : first
  if (size < META_PAGES * newest.pageSize) throw new DamagedFile('The file is too short')
  return newest
}

function metaAt(page: Buffer, number: number): Meta {
  const databases = HEADER + 24
  const pageSize = page.readUInt32LE(databases)
  const transaction = page.readBigUInt64LE(databases + 2 * DATABASE_SIZE + 8)
  const wellFormed =
    page.readBigUInt64LE(0) === BigInt(number) &&
    page.readUInt16LE(18) === META &&
    page.readUInt32LE(HEADER) === MAGIC &&
    [4096, 8192, 16_384, 32_768, 65_536].includes(pageSize) &&
    (transaction <= 1n || (transaction & 1n) === BigInt(number))
  if (!wellFormed) throw new DamagedFile('The head is not that of a store')
  return {
    pageSize,
    transaction,
    free: page.subarray(databases, databases + DATABASE_SIZE),
    main: page.subarray(databases + DATABASE_SIZE, databases + 2 * DATABASE_SIZE),
    lastPage: Number(page.readBigUInt64LE(databases + 2 * DATABASE_SIZE)),
  }
}

/** What a walk does with a leaf's key and data. */
type Visit = (key: Buffer, data: Buffer, flags: number) => unknown

class Walk {
  readonly #file: number
  readonly #meta: Meta
  readonly #used = new Set<number>()

  constructor(file: number, meta: Meta) {
    this.#file = file
    this.#meta = meta
  }

  check(): void {
    this.#database(this.#meta.main, (_name, database, flags) => {
      this.#require(flags === SUBDATABASE && database.length === DATABASE_SIZE, 'The list of tables is damaged')
      this.#database(database, (key, record, recordFlags) => {
        this.#require((recordFlags & ~BIG) === 0 && unseal(key, record) !== 'damaged', 'A record is damaged')
      })
    })
    const lists: Buffer[] = []
    this.#database(this.#meta.free, (_transaction, list) => lists.push(list))
    for (const list of lists) this.#freeList(list)
  }

  /** Pages to be written over: a number of entries, then each a page, or minus a count and the first of so many pages. */
  #freeList(list: Buffer): void {
    const entries = new BigInt64Array(new Uint8Array(list.subarray(0, list.length & ~7)).buffer)
    const length = Number(entries[0] ?? 0n)
    this.#require(length >= 0 && length < entries.length, 'The list of free pages is damaged')
    for (let at = 1; at <= length; at++) {
      const entry = Number(entries[at])
      if (entry < 0) this.#freePages(Number(entries[++at] ?? 0n), -entry)
      if (entry > 0) this.#freePages(entry, 1)
      this.#require(at <= length, 'The list of free pages is damaged')
    }
  }

  #freePages(first: number, count: number): void {
    this.#require(first >= META_PAGES && first + count - 1 <= this.#meta.lastPage, 'A free page lies outside the file')
    for (let page = first; page < first + count; page++) {
      this.#require(!this.#used.has(page), 'A page in use is listed as free')
    }
  }

  #database(database: Buffer, visit: Visit): void {
    const root = database.readBigUInt64LE(DATABASE_SIZE - 8)
    const depth = database.readUInt16LE(6)
    let count = 0n
    if (root !== NONE) {
      this.#page(Number(root), depth, (key, data, flags) => {
        count++
        visit(key, data, flags)
      })
    }
    this.#require(count === database.readBigUInt64LE(DATABASE_SIZE - 16), 'Records are missing')
  }

  #page(number: number, levels: number, visit: Visit): void {
    const page = this.#take(number, 1)
    const expected = levels === 1 ? LEAF : BRANCH
    const lower = page.readUInt16LE(20)
    this.#require(levels > 0 && page.readUInt16LE(18) === expected && lower > 0, 'A page is not what it should be')
    this.#require(lower <= page.readUInt16LE(22) && page.readUInt16LE(22) <= page.length - HEADER, 'A page is damaged')
    for (let position = 0; position < lower; position += 2) {
      const node = HEADER + page.readUInt16LE(HEADER + position)
      this.#require(node >= HEADER + lower && node + NODE <= page.length, 'A page is damaged')
      if (expected === BRANCH) this.#page(childOf(page, node), levels - 1, visit)
      else this.#leaf(page, node, visit)
    }
  }

  #leaf(page: Buffer, node: number, visit: Visit): void {
    const flags = page.readUInt16LE(node + 4)
    const from = node + NODE + page.readUInt16LE(node + 6)
    const length = page.readUInt32LE(node)
    const end = from + (flags & BIG ? OVERFLOW_POINTER : length)
    this.#require(end <= page.length, 'A record is damaged')
    const data = flags & BIG ? this.#overflow(page.subarray(from, end), length) : page.subarray(from, end)
    visit(page.subarray(node + NODE, from), data, flags)
  }

  #overflow(pointer: Buffer, length: number): Buffer {
    // A record that shrank keeps the pages that it had.
    const pages = Number(pointer.readBigUInt64LE(16))
    this.#require(pages * this.#meta.pageSize >= HEADER + length, 'A long record is damaged')
    const run = this.#take(Number(pointer.readBigUInt64LE(0)), pages)
    this.#require(run.readUInt16LE(18) === OVERFLOW && run.readUInt32LE(20) === pages, 'A long record is damaged')
    return run.subarray(HEADER, HEADER + length)
  }

  /** Reads `count` pages that nothing else has used. */
  #take(number: number, count: number): Buffer {
    this.#require(number >= META_PAGES && number + count - 1 <= this.#meta.lastPage, 'A page lies outside the file')
    for (let each = number; each < number + count; each++) {
      this.#require(!this.#used.has(each), 'A page is used twice')
      this.#used.add(each)
    }
    const bytes = read(this.#file, number * this.#meta.pageSize, count * this.#meta.pageSize)
    this.#require(bytes.readBigUInt64LE(0) === BigInt(number), 'A page lies in the wrong place')
    return bytes
  }

  #require(condition: boolean, message: string): void {
    if (!condition) throw new DamagedFile(message)
  }
}

function childOf(page: Buffer, node: number): number {
  return page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32
}
