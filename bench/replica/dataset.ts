import { createHash } from 'node:crypto'

/** Keys and values of a size, the same in every process. */
export interface Size {
  readonly keys: number
  readonly bytes: number
}

export function nameOf({ keys, bytes }: Size): string {
  const count = keys >= 1_000_000 ? `${keys / 1_000_000}M` : `${keys / 1_000}k`
  return `${count} x ${bytes >= 1024 ? `${bytes / 1024} KB` : `${bytes} B`}`
}

export function keyOf(index: number): string {
  return `product/${String(index).padStart(8, '0')}`
}

/** Bytes that no page cache and no compression can make fewer, but cheap to make. */
export function bytesOf(index: number, bytes: number): Buffer {
  const value = Buffer.alloc(bytes, createHash('sha256').update(String(index)).digest())
  value.writeUInt32LE(index, 0)
  return value
}

/** A list of rows as a query gives them, of about so many bytes as JSON. */
export function rowsOf(index: number, bytes: number): readonly Readonly<Record<string, unknown>>[] {
  const rows = Math.max(1, Math.round(bytes / 90))
  return Array.from({ length: rows }, (_, row) => ({
    order_id: index * 1_000 + row,
    product: `Product ${(index * 31 + row * 7) % 500}`,
    qty: (row % 9) + 1,
    price: ((index + row) % 10_000) / 100,
    status: row % 2 === 0 ? 'paid' : 'shipped',
  }))
}

/** Keys in an order that no cache likes, made before anything is measured. */
export function drawn(keys: number, count = 20_000): readonly string[] {
  let state = 42
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return keyOf(state % keys)
  })
}

/**
 * Microseconds of processor time of one call of `get`, over about so many seconds: what other programs do on the machine
 * does not count. Its answers are used, so that none is left out.
 */
export function timed(keys: readonly string[], seconds: number, get: (key: string) => unknown): number {
  const until = performance.now() + seconds * 1_000
  let calls = 0
  let missing = 0
  const before = process.threadCpuUsage()
  do {
    for (let index = 0; index < 1_000; index += 1) {
      const key = keys[(calls + index) % keys.length] as string
      if (get(key) === undefined) missing += 1
    }
    calls += 1_000
  } while (performance.now() < until)
  const { user, system } = process.threadCpuUsage(before)
  if (missing > 0) throw new Error(`${missing} of ${calls} keys were not there`)
  return (user + system) / calls
}

/** The same by the clock, for what waits. */
export async function timedAsync(
  keys: readonly string[],
  seconds: number,
  get: (key: string) => Promise<unknown>,
): Promise<number> {
  const until = performance.now() + seconds * 1_000
  let calls = 0
  const began = performance.now()
  do {
    for (let index = 0; index < 100; index += 1) await get(keys[(calls + index) % keys.length] as string)
    calls += 100
  } while (performance.now() < until)
  return ((performance.now() - began) * 1_000) / calls
}
