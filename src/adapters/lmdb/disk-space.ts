import { statfsSync } from 'node:fs'
import { KckError } from '../../errors.ts'

/** Left free, so that deleting, which writes new pages first, is still possible when the disk is full. */
const RESERVE = 4 * 1024 * 1024
/** Bytes that may be written before the disk is asked again while there is plenty. */
const TRUST = 1024 * 1024
const PLENTY = 256 * 1024 * 1024

/**
 * Refuses a write that could fill the disk before LMDB begins it: a commit that runs into a full disk half-way leaves
 * lmdb-js in a state from which it has aborted the process.
 */
export class DiskSpace {
  readonly #path: string
  #trusted = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Throws `STORE_UNAVAILABLE` unless there is room for about `bytes` more. */
  require(bytes: number): void {
    if (bytes === 0) return
    this.#trusted -= bytes
    if (this.#trusted >= 0) return
    const { bavail, bsize } = statfsSync(this.#path)
    const free = bavail * bsize
    if (free < RESERVE + 2 * bytes) {
      throw new KckError('STORE_UNAVAILABLE', 'The local store is full: free some disk space', { retryAfterMs: 1000 })
    }
    this.#trusted = free > PLENTY ? TRUST : 0
  }
}
