import type { JsonValue } from '../entry/json.ts'
import type { ErrorCode } from '../errors.ts'
import type { StoredRecord } from '../ports/write-queue.ts'

/** A write that was accepted and waits. */
export interface WaitingWrite {
  /** Unique per intended write: the source remembers it in the transaction of the write itself. */
  readonly id: string
  /** As the URL names it: `set_price/7`. */
  readonly updater: string
  /** Writes of equal `order` are applied in the order in which they were accepted. */
  readonly order: string
  readonly body: Readonly<Record<string, JsonValue>>
  /** Milliseconds; when it was accepted. */
  readonly at: number
  /** Keys of the products that show it while it waits. */
  readonly overlaid: readonly string[]
}

/** What became of a write that the source refused. */
export type Outcome =
  | { readonly state: 'parked'; readonly at: number; readonly code: ErrorCode; readonly message: string }
  | { readonly state: 'discarded'; readonly at: number }
  /** Waits again, under another public id. */
  | { readonly state: 'retried'; readonly at: number; readonly as: string }

/** What one position of a log holds: the writes that one process accepted at the same time. */
export interface WriteRecord {
  /** Of all writes of the log up to here. */
  readonly total: Total
  readonly writes: readonly WaitingWrite[]
  /** By index in `writes`; those that are missing wait, or were applied. */
  readonly outcomes: Readonly<Record<number, Outcome>>
}

export interface Total {
  readonly count: number
  readonly bytes: number
}

export interface Logged extends WriteRecord {
  readonly position: number
  readonly rev: number
}

export function parseRecord({ position, rev, text }: StoredRecord): Logged {
  return { position, rev, ...(JSON.parse(text) as WriteRecord) }
}

export function recordText({ total, writes, outcomes }: WriteRecord): string {
  return JSON.stringify({ total, writes, outcomes })
}

/** Where a write lies; its public id says so, and holds what cannot be guessed. */
export interface Place {
  readonly shard: number
  readonly position: number
  readonly index: number
  readonly id: string
}

export function publicId({ shard, position, index, id }: Place): string {
  return `${shard}-${position}-${index}-${id}`
}

export function parsePublicId(text: string): Place | null {
  const match = /^(\d{1,3})-(\d{1,15})-(\d{1,4})-([\w-]{8,64})$/.exec(text)
  if (!match) return null
  const [, shard, position, index, id = ''] = match
  return { shard: Number(shard), position: Number(position), index: Number(index), id }
}

/** Of one log and all its keys. Never to be changed: the writes of a key must stay in one log. */
export const SHARDS = 8

export function shardOf(order: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < order.length; index++) hash = Math.imul(hash ^ order.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % SHARDS
}
