import {
  type Compression,
  decodeBody,
  type EncodedBody,
  encodeBody,
  hash,
  joinBody,
  plainBody,
  valueInBody,
} from '../src/entry/body.ts'
import { toJsonForm } from '../src/entry/json-form.ts'
import type { Benchmark } from './support/benchmark.ts'
import { median } from './support/statistics.ts'
import type { Cell } from './support/table.ts'

const SIZES = [
  { name: '3 KB', bytes: 3_000 },
  { name: '500 KB', bytes: 500_000 },
  { name: '40 MB', bytes: 40_000_000 },
]
const COMPRESSIONS = ['none', 'zstd', 'gzip'] as const
const AT_LEAST = 3

interface Sample {
  readonly size: string
  readonly step: string
  /** Milliseconds, the median of all runs. */
  readonly ms: number
  readonly runs: number
}

/** What encoding and decoding a body costs, with the functions that KCK itself calls. */
export const benchmark: Benchmark = async ({ seconds, say }) => {
  const samples: Sample[] = []
  const stored: Cell[][] = COMPRESSIONS.map((compression) => [compression])
  for (const { name, bytes } of SIZES) {
    say(`Measuring ${name} ...`)
    const value = orders(bytes)
    const time = async (step: string, work: () => unknown) =>
      samples.push({ size: name, step, ...(await measure(work, seconds / 10)) })

    const valueJson = JSON.stringify(value)
    const envelope = { key: 'customer_orders/17', valueJson, version: 1_700_000_000_000, modified: 1_700_000_000_000 }
    await time('value to JSON text', () => JSON.stringify(toJsonForm(value)))
    const plain = plainBody(envelope)
    await time('checksum of the plain body', () => hash(plain))
    for (const [row, compression] of COMPRESSIONS.entries()) {
      const encode = () => encodeBody(envelope, { id: 'body', compression, chunksExpireAt: null })
      const encoded = await encode()
      stored[row]?.push(storedBytes(encoded))
      await time(`encode, ${compression}`, encode)
      await time(`read back, ${compression}`, () => decode(encoded, compression))
    }
    await time('JSON text to value', () => valueInBody(plain))
  }
  const steps = [...new Set(samples.map(({ step }) => step))]
  const rows = steps.map((step) => [step, ...SIZES.map(({ name }) => find(samples, name, step))])
  const columns = SIZES.map(({ name }) => name)
  return {
    tables: [
      { title: 'Milliseconds for a body', columns: ['step', ...columns], rows },
      { title: 'Bytes stored', columns: ['compression', ...columns], rows: stored },
    ],
    notes: [
      'encode: response body, compression, checksum, chunks; read back: join, verify the checksum, decompress',
      'Above 1 MiB the compression runs on a thread of its own, so that other requests go on',
    ],
    samples,
  }
}

async function decode({ body, chunks }: EncodedBody, compression: Compression): Promise<unknown> {
  const bytes = await joinBody(body, chunks)
  if (bytes === null) throw new Error(`a ${compression} body does not verify`)
  return decodeBody(bytes, body.encoding, body.length)
}

function storedBytes({ body, chunks }: EncodedBody): number {
  return body.inline?.byteLength ?? chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
}

function find(samples: readonly Sample[], size: string, step: string): number | null {
  return samples.find((sample) => sample.size === size && sample.step === step)?.ms ?? null
}

async function measure(work: () => unknown, seconds: number): Promise<{ readonly ms: number; readonly runs: number }> {
  const times: number[] = []
  const until = performance.now() + seconds * 1000
  while (times.length < AT_LEAST || performance.now() < until) {
    const began = performance.now()
    await work()
    times.push(performance.now() - began)
  }
  return { ms: median(times), runs: times.length }
}

/** Rows as a database returns them: much repeats, nothing is equal. */
function orders(bytes: number): readonly Record<string, unknown>[] {
  const rows: Record<string, unknown>[] = []
  for (let size = 0; size < bytes; ) {
    const row = order(rows.length)
    size += JSON.stringify(row).length + 1
    rows.push(row)
  }
  return rows
}

function order(index: number): Record<string, unknown> {
  const number = (index * 7919) % 9973
  return {
    order_id: 100_000 + index * 7,
    product: `Product ${String(number % 500).padStart(4, '0')}`,
    qty: (number % 9) + 1,
    price: number / 100 + 1,
    status: ['new', 'paid', 'shipped', 'returned'][number % 4],
    ordered_at: new Date(Date.UTC(2024, 0, 1 + (number % 700))).toISOString().slice(0, 10),
  }
}
