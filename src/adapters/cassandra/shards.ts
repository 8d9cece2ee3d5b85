import { createHash } from 'node:crypto'

/** Wide partitions are cut into so many. */
const SHARDS = 16

export function shardOf(text: string, shards = SHARDS): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % shards
}

/**
 * Partitions of a node's dependents. Most products and rows have few readers, and a change looks below each of them:
 * those have one. What everything of a kind hangs below has many.
 */
export function shardsOf(node: string): number {
  return node.startsWith('product/') || /^table\/[^?]*\?[^{]/.test(node) ? 1 : SHARDS
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
 * A page out of `shards` shards. All that have more are asked at once, each for its share: what is small, and most is,
 * costs one round trip, and what is wide is read from all of its partitions together.
 */
export async function pageOfShards<T>(
  read: ReadShard<T>,
  positionOf: (item: T) => string,
  page: { readonly limit: number; readonly after?: string; readonly shards?: number },
): Promise<ShardPage<T>> {
  const open = page.after === undefined ? allShards(page.shards ?? SHARDS) : parseCursor(page.after)
  const share = Math.max(1, Math.floor(page.limit / open.length))
  const parts = await Promise.all(open.map(async (from) => ({ from, found: await read(...from, share) })))
  const items: T[] = []
  const left: Position[] = []
  for (const { from, found } of parts) {
    const [shard, after] = from
    // With fewer places than shards some wait for the next page.
    const fits = found.slice(0, page.limit - items.length)
    items.push(...fits)
    const last = fits.at(-1)
    if (found.length === share) left.push([shard, last === undefined ? after : positionOf(last)])
  }
  return left.length === 0 ? { items } : { items, next: JSON.stringify(left) }
}

/** Where to go on in a shard: after which position. */
type Position = readonly [shard: number, after: string]

function allShards(count: number): readonly Position[] {
  return Array.from({ length: count }, (_, shard) => [shard, ''])
}

function parseCursor(text: string): readonly Position[] {
  return JSON.parse(text) as readonly Position[]
}
