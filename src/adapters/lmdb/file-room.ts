import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { KckError } from '../../errors.ts'

/** What a transaction will add, about. */
export interface Growth {
  readonly records: number
  readonly bytes: number
}

export interface FileUse {
  readonly pageSize: number
  /** Number of the last page that was ever used. */
  readonly lastPage: number
  /** Pages before that one that hold nothing now. Only asked for when the disk is full. */
  readonly freePages: () => number
}

const MEBIBYTE = 1024 * 1024
/** A changed record takes new pages on its way up the tree. */
const PER_RECORD = 8192
/** Kept for transactions that only delete: they write new pages too. */
const SLACK = MEBIBYTE
const LARGEST_STEP = 16 * MEBIBYTE
const zeros = Buffer.alloc(MEBIBYTE)

/**
 * Makes the file long enough before LMDB writes to it, because a commit that meets a full disk half-way can end the
 * process (measured: an abort inside malloc after seven of them). When it cannot be made longer, pages that became free
 * inside it may do.
 */
export class FileRoom {
  readonly #name: string
  #known = 0
  #tight = false

  constructor(folder: string) {
    this.#name = join(folder, 'data.mdb')
  }

  /** To be called inside a write transaction. Throws `STORE_UNAVAILABLE` when there is no room. */
  require(growth: Growth, use: FileUse): void {
    const needed = 2 * growth.bytes + growth.records * PER_RECORD + SLACK
    const end = (use.lastPage + 1) * use.pageSize + needed
    if (end <= this.#known) return
    try {
      this.#growTo(end)
    } catch (error) {
      if (!this.#tight && use.freePages() * use.pageSize > 2 * needed) return
      throw storeFull(error)
    }
  }

  /** A commit failed: from now on only growing counts as room. */
  failed(): void {
    this.#tight = true
  }

  #growTo(end: number): void {
    const file = openSync(this.#name, 'r+')
    try {
      const size = fstatSync(file).size
      this.#known = size
      if (end <= size) return
      const step = Math.min(LARGEST_STEP, Math.max(MEBIBYTE, size / 8))
      this.#known = lengthen(file, size, Math.ceil((end + step) / MEBIBYTE) * MEBIBYTE)
    } finally {
      closeSync(file)
    }
  }
}

/** Writes zeros, which takes the room for good, up to `target`; leaves the file as it was when there is not enough. */
function lengthen(file: number, size: number, target: number): number {
  try {
    for (let at = size; at < target; ) at += writeSync(file, zeros, 0, Math.min(zeros.length, target - at), at)
    return target
  } catch (error) {
    ftruncateSync(file, size)
    throw error
  }
}

export function storeFull(cause: unknown): KckError {
  const options = { cause, retryAfterMs: 1000 }
  return new KckError('STORE_UNAVAILABLE', 'The local store is full: free some disk space', options)
}
