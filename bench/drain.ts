import { setTimeout as sleep } from 'node:timers/promises'
import { concurrently } from '../src/async/concurrently.ts'
import type { EntryRow } from '../src/entry/entry.ts'
import { emptyRow } from '../src/entry/transitions.ts'
import { int, primer } from '../src/index.ts'
import type { EntryStore } from '../src/ports/entry-store.ts'
import type { Benchmark } from './support/benchmark.ts'
import { AT_ONCE, Fleet } from './support/refresh/fleet.ts'
import { KINDS, openParts } from './support/refresh/parts.ts'
import { interleave, median } from './support/statistics.ts'
import { formatRatio } from './support/table.ts'

const SIZES = [1_000, 10_000, 100_000]
/** A short query. */
const COMPUTE_MS = 10
const BARE_AT_MOST = 2_000

interface Sample {
  readonly store: string
  readonly requests: number
  /** Milliseconds for each request: of the drain, and of the computes and writes alone. */
  readonly drainMs: number
  readonly bareMs: number
  /** The same in processor time of this process: what else runs on the machine changes it less. */
  readonly drainCpuMs: number
  readonly bareCpuMs: number
}

/** Whether a long queue costs more per request than a short one, and what a refresh costs beside its compute and its writes. */
export const benchmark: Benchmark = async ({ rounds, most, cleanup, say }) => {
  const sizes = SIZES.filter((size) => size <= most)
  const samples: Sample[] = []
  for (const store of KINDS) {
    const world = { value: 0 }
    const parts = await openParts(store, cleanup)
    const fleet = new Fleet(parts, [partOf(world)])
    for (const size of sizes) {
      say(`${store}: computing ${size} products ...`)
      await fleet.prime(Array.from({ length: size }, (_, id) => `part/${size}/${id}`))
    }
    const { row } = await parts.store.entries.get(`part/${sizes[0]}/0`)
    if (!row) throw new Error('nothing was stored')
    for (const size of interleave(sizes, rounds)) {
      world.value++
      await fleet.change((kck) => kck.invalidateTags([`parts-${size}`]))
      const bareCount = Math.min(size, BARE_AT_MOST)
      const [bareMs, bareCpuMs] = await measured(bareCount, () => bare(parts.store.entries, row, bareCount))
      const [drainMs, drainCpuMs] = await measured(size, () => fleet.drain())
      samples.push({ store, requests: size, drainMs, bareMs, drainCpuMs, bareCpuMs })
      say(`${store}, ${size}: ${drainMs.toFixed(3)} ms each, ${bareMs.toFixed(3)} ms bare`)
      if ((await fleet.kck.get(`part/${size}/${size - 1}`)) !== world.value) throw new Error('the last is not fresh')
    }
  }
  const rows = KINDS.flatMap((store) =>
    sizes.map((size) => {
      const of = samples.filter((sample) => sample.store === store && sample.requests === size)
      const drainMs = median(of.map((sample) => sample.drainMs))
      const ratio = formatRatio(median(of.map((sample) => sample.drainMs / sample.bareMs)))
      const first = samples.filter((sample) => sample.store === store && sample.requests === sizes[0])
      const flat = formatRatio(drainMs / median(first.map((sample) => sample.drainMs)))
      const cpuMs = median(of.map((sample) => sample.drainCpuMs))
      const bareCpuMs = median(of.map((sample) => sample.bareCpuMs))
      const name = `${store}, ${size.toLocaleString('en-US')} requests`
      return [name, 1_000 / drainMs, drainMs, ratio, flat, cpuMs, bareCpuMs]
    }),
  )
  const columns = [
    'store',
    'per second',
    'ms each',
    'of bare',
    `of ${sizes[0]?.toLocaleString('en-US')}`,
    'CPU ms each',
    'CPU ms bare',
  ]
  const notes = [
    `A compute waits ${COMPUTE_MS} ms; one worker, ${AT_ONCE} at a time. Refresh requests are kept in lmdb, and beside Cassandra in the SQS server of the tests`,
    'CPU: processor time of this process alone, without that of Cassandra and the SQS server',
    'Bare: as many such computes at a time, each with one conditional write that takes the lease and one that stores the value',
  ]
  return { tables: [{ title: 'Refresh requests drained', columns, rows }], notes, samples }
}

function partOf(world: { readonly value: number }) {
  return primer({
    name: 'part',
    parameters: { size: int(), id: int() },
    compute: async ({ tag }, { size }) => {
      await tag(`parts-${size}`)
      await sleep(COMPUTE_MS)
      return world.value
    },
  })
}

let bareRuns = 0

/** Milliseconds for each of so many, and of that the processor time. */
async function measured(count: number, work: () => Promise<number>): Promise<readonly [number, number]> {
  const before = process.cpuUsage()
  const ms = await work()
  const { user, system } = process.cpuUsage(before)
  return [ms / count, (user + system) / 1_000 / count]
}

/** Milliseconds for so many computes and their two writes, without anything that makes them safe. */
async function bare(entries: EntryStore, like: EntryRow, count: number): Promise<number> {
  const run = bareRuns++
  const began = performance.now()
  await concurrently(Array.from({ length: count }), AT_ONCE, async (_, index) => {
    const key = `bare/${run}/${index}`
    const claimed = { ...emptyRow(key), rev: 1 }
    await entries.compareAndSet(null, claimed)
    await sleep(COMPUTE_MS)
    await entries.compareAndSet(claimed, { ...like, key, rev: 2 })
  })
  return performance.now() - began
}
