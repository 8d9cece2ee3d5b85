import type { StoredEntry } from '../entry/entry.ts'
import type { MemoryBody } from './fetched-body.ts'

/** This machine's copy of all replicated products, as readers see it. */
export interface ProductReplica {
  /** Undefined also where the copy is not complete, or the product is not replicated. Never throws. */
  get(key: string): { readonly entry: StoredEntry; readonly body: MemoryBody } | undefined
  /** Milliseconds; whatever was published before is in it. Null: nobody knows. */
  readonly currentAt: number | null
}
