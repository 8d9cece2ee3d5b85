import { createHash } from 'node:crypto'

/** Wide partitions are cut into so many. */
export const SHARDS = 16

export function shardOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % SHARDS
}

/** The text itself when it is at most `bytes` long in UTF-8, else its start and a hash. Equal only for equal texts. */
export function bounded(text: string, bytes: number): string {
  if (text.length <= bytes / 3 || Buffer.byteLength(text) <= bytes) return text
  const hash = createHash('sha256').update(text).digest('base64url')
  // A character takes at most three bytes per UTF-16 unit; a cut pair becomes U+FFFD, which is as good.
  return `${text.slice(0, Math.floor((bytes - hash.length - 1) / 3)).toWellFormed()}#${hash}`
}

export interface ShardPage<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/** Up to `limit` items of one shard whose position lies after `after`, in the order of their positions. */
export type ReadShard<T> = (shard: number, after: string, limit: number) => Promise<readonly T[]>

/**
 * A page out of all shards, one after the other. The first page asks all of them at once for a little, so that what is
 * small, and most is, costs one round trip; inside a large shard only that one is asked.
 */
export async function pageOfShards<T>(
  read: ReadShard<T>,
  positionOf: (item: T) => string,
  page: { readonly limit: number; readonly after?: string },
): Promise<ShardPage<T>> {
  const [first, after] = parseCursor(page.after)
  const items: T[] = []
  let from = first
  if (after !== '') {
    const part = await read(first, after, page.limit)
    items.push(...part)
    if (part.length === page.limit) return { items, next: cursor(first, lastOf(part, positionOf, after)) }
    from++
  }
  const share = Math.max(1, Math.min(page.limit, Math.ceil(page.limit / SHARDS) + SHARDS))
  const shards = Array.from({ length: SHARDS - from }, (_, index) => from + index)
  const parts = await Promise.all(shards.map((shard) => read(shard, '', share)))
  for (const [index, part] of parts.entries()) {
    const fits = part.slice(0, page.limit - items.length)
    items.push(...fits)
    const more = fits.length < part.length || part.length === share
    if (more) return { items, next: cursor(from + index, lastOf(fits, positionOf, '')) }
  }
  return { items }
}

function lastOf<T>(items: readonly T[], positionOf: (item: T) => string, otherwise: string): string {
  const last = items.at(-1)
  return last === undefined ? otherwise : positionOf(last)
}

const cursor = (shard: number, position: string): string => `${shard}:${position}`

function parseCursor(text: string | undefined): readonly [number, string] {
  if (text === undefined) return [0, '']
  const colon = text.indexOf(':')
  return [Number(text.slice(0, colon)), text.slice(colon + 1)]
}
