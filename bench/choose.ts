import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import type { Benchmark } from './support/benchmark.ts'
import { FifoOrder } from './support/choose/fifo-order.ts'
import { burst, mixed, steady } from './support/choose/generate.ts'
import { LanesOrder } from './support/choose/lanes-order.ts'
import { OriginalOrder, STRATEGIES } from './support/choose/original-order.ts'
import { recordedTrace } from './support/choose/recorded.ts'
import { type Order, type Outcome, simulate, type World } from './support/choose/simulate.ts'
import { offeredLoad, type Trace } from './support/choose/trace.ts'
import type { Table } from './support/table.ts'

const SEED = Number(process.env['CHOOSE_SEED'] ?? 1)
const RECORDED = process.env['CHOOSE_TRACE']
/** `record-choose.ts` made it. */
const RECORDING = fileURLToPath(new URL('data/debian-updates.jsonl.zst', import.meta.url))
/** As many as a worker computes at a time. */
const SLOTS_OF_RECORDED = 4

const ORDERS: readonly (readonly [string, (world: World) => Order])[] = [
  ['first come, first served', (world) => new FifoOrder(world)],
  ...STRATEGIES.map((name) => [`original: ${name}`, (world: World) => new OriginalOrder(world, name)] as const),
  ['KCK', (world) => new LanesOrder(world)],
]

/** In which order refreshes serve their readers best, in simulated time: the same in every run with the same seed. */
export const benchmark: Benchmark = async ({ say }) => {
  const tables: Table[] = []
  const samples: unknown[] = []
  const traces = RECORDED === undefined ? [steady, burst, mixed, () => recorded(RECORDING)] : [() => recorded(RECORDED)]
  for (const make of traces) {
    const trace = make(SEED)
    say(`Playing ${trace.name} ...`)
    const outcomes = ORDERS.map(([name, makeOrder]) => ({ name, ...simulate(trace, makeOrder) }))
    samples.push(...outcomes.map((outcome) => ({ trace: trace.name, seed: SEED, ...outcome })))
    tables.push(tableOf(trace, outcomes))
  }
  return {
    tables,
    notes: [
      'stale: how long the value had been stale when it was read, over all reads (0 when fresh)',
      'deadlines missed: how often a product stayed stale for longer than its soft TTL; late reads: reads that met such a value',
      'source: share of its time that was used; all orders compute whenever the source has room and something is stale',
    ],
    samples,
  }
}

function tableOf(trace: Trace, outcomes: readonly (Outcome & { readonly name: string })[]): Table {
  const asked = Math.round(100 * offeredLoad(trace))
  return {
    title: `${trace.name}: ${trace.costS.length.toLocaleString('en-US')} products, changes ask for ${asked}% of the source, seed ${SEED}`,
    columns: [
      'order',
      'mean stale s',
      'p99 stale s',
      'deadlines missed',
      'late reads per million',
      'computes',
      'source %',
    ],
    rows: outcomes.map(({ name, meanStaleS, p99StaleS, missed, lateReads, computes, load }) => [
      name,
      meanStaleS,
      p99StaleS,
      missed,
      lateReads * 1e6,
      computes,
      load * 100,
    ]),
  }
}

function recorded(file: string): Trace {
  const bytes = readFileSync(file)
  const text = (file.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes).toString()
  return recordedTrace('recorded', text.split('\n'), SLOTS_OF_RECORDED)
}
