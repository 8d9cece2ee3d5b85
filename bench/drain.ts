import { setTimeout as sleep } from 'node:timers/promises'
import { concurrently } from '../src/async/concurrently.ts'
import type { EntryRow } from '../src/entry/entry.ts'
import { int, primer } from '../src/index.ts'
import type { EntryStore } from '../src/ports/entry-store.ts'
import type { Benchmark } from './support/benchmark.ts'
import type { Cleanup } from './support/cleanup.ts'
import { AT_ONCE, Fleet } from './support/refresh/fleet.ts'
import { KINDS, type Kind, openParts } from './support/refresh/parts.ts'
import { interleave, median } from './support/statistics.ts'
import { formatRatio, type Table } from './support/table.ts'

/** How many requests wait, and how long a compute of each takes. The first is what the others are compared with. */
const CASES: readonly Case[] = [
  { requests: 1_000, computeMs: 10 },
  { requests: 10_000, computeMs: 10 },
  { requests: 100_000, computeMs: 10 },
  { requests: 1_000, computeMs: 50 },
]
const BARE_AT_MOST = 2_000
/** Drains that are not counted. Cassandra's compiler is busy with the first ten thousand statements of each kind. */
const WARM_UP: Readonly<Record<Kind, number>> = { lmdb: 1, Cassandra: 12 }

interface Case {
  readonly requests: number
  readonly computeMs: number
}

interface Sample extends Case {
  readonly store: string
  /** Milliseconds for each request: of the drain, and of the computes and writes alone. */
  readonly drainMs: number
  readonly bareMs: number
  /** The same in processor time of this process: what else runs on the machine changes it less. */
  readonly drainCpuMs: number
  readonly bareCpuMs: number
}

/** Whether a long queue costs more per request than a short one, and what a refresh costs beside its compute and its writes. */
export const benchmark: Benchmark = async ({ rounds, most, cleanup, say }) => {
  const cases = CASES.filter(({ requests }) => requests <= most)
  const samples: Sample[] = []
  for (const store of KINDS) {
    const drains = await openDrains(store, cases, { cleanup, say })
    for (let warm = 0; warm < WARM_UP[store]; warm++) await drains.run(cases[0] as Case)
    for (const one of interleave(cases, rounds)) {
      const sample = await drains.run(one)
      samples.push(sample)
      say(`${nameOf(sample)}: ${sample.drainMs.toFixed(3)} ms each, ${sample.bareMs.toFixed(3)} ms bare`)
    }
  }
  const notes = [
    `One worker, ${AT_ONCE} computes at a time, each of which waits. Refresh requests are kept in lmdb, and beside Cassandra in the SQS server of the tests`,
    'CPU: processor time of this process alone, without that of Cassandra and the SQS server',
    'Bare: as many such computes at a time, each with the two conditional writes of a refresh, on entries of the same size: one that takes the lease and one that stores the value',
  ]
  return { tables: [tableOf(cases, samples)], notes, samples }
}

function tableOf(cases: readonly Case[], samples: readonly Sample[]): Table {
  const rows = KINDS.flatMap((store) => {
    const of = ({ requests, computeMs }: Case) =>
      samples.filter(
        (sample) => sample.store === store && sample.requests === requests && sample.computeMs === computeMs,
      )
    const middle = (one: Case, figure: 'drainMs' | 'drainCpuMs' | 'bareCpuMs') =>
      median(of(one).map((sample) => sample[figure]))
    return cases.map((one, index) => {
      const drainMs = middle(one, 'drainMs')
      const ofBare = formatRatio(median(of(one).map((sample) => sample.drainMs / sample.bareMs)))
      const first = cases[0] as Case
      const ofFirst = one.computeMs === first.computeMs ? formatRatio(drainMs / middle(first, 'drainMs')) : null
      const cpu = [middle(one, 'drainCpuMs'), middle(one, 'bareCpuMs')]
      return [nameOf({ ...one, store }), 1_000 / drainMs, drainMs, ofBare, index === 0 ? null : ofFirst, ...cpu]
    })
  })
  const first = `of ${cases[0]?.requests.toLocaleString('en-US')}`
  const columns = ['store', 'per second', 'ms each', 'of bare', first, 'CPU ms each', 'CPU ms bare']
  return { title: 'Refresh requests drained', columns, rows }
}

function nameOf({ store, requests, computeMs }: Case & { readonly store: string }): string {
  return `${store}, ${requests.toLocaleString('en-US')} requests, computes of ${computeMs} ms`
}

interface Drains {
  run(one: Case): Promise<Sample>
}

/** Products whose values are there, for every case, and entries like theirs for what is compared with it. */
async function openDrains(
  store: Kind,
  cases: readonly Case[],
  { cleanup, say }: { readonly cleanup: Cleanup; readonly say: (message: string) => void },
): Promise<Drains> {
  const world = { value: 0 }
  const parts = await openParts(store, cleanup)
  const fleet = new Fleet(parts, [partOf(world)])
  const keyOf = ({ requests, computeMs }: Case, id: number) => `part/${requests}/${computeMs}/${id}`
  for (const one of cases) {
    say(`${store}: computing ${one.requests} products ...`)
    await fleet.prime(Array.from({ length: one.requests }, (_, id) => keyOf(one, id)))
  }
  const { row } = await parts.store.entries.get(keyOf(cases[0] as Case, 0))
  if (!row) throw new Error('nothing was stored')
  const bare = new Bare(parts.store.entries, row)
  await bare.prime()
  const run = async (one: Case): Promise<Sample> => {
    world.value++
    await fleet.change((kck) => kck.invalidateTags([tagOf(one)]))
    const bareCount = Math.min(one.requests, BARE_AT_MOST)
    const [bareMs, bareCpuMs] = await measured(bareCount, () => bare.run(bareCount, one.computeMs))
    const [drainMs, drainCpuMs] = await measured(one.requests, () => fleet.drain())
    if ((await fleet.kck.get(keyOf(one, one.requests - 1))) !== world.value) throw new Error('the last is not fresh')
    return { store, ...one, drainMs, bareMs, drainCpuMs, bareCpuMs }
  }
  return { run }
}

const tagOf = ({ requests, computeMs }: Case): string => `parts-${requests}-${computeMs}`

function partOf(world: { readonly value: number }) {
  return primer({
    name: 'part',
    parameters: { requests: int(), computeMs: int(), id: int() },
    compute: async ({ tag }, { requests, computeMs }) => {
      await tag(tagOf({ requests, computeMs }))
      await sleep(computeMs)
      return world.value
    },
  })
}

/** Milliseconds for each of so many, and of that the processor time. */
async function measured(count: number, work: () => Promise<number>): Promise<readonly [number, number]> {
  const before = process.cpuUsage()
  const ms = await work()
  const { user, system } = process.cpuUsage(before)
  return [ms / count, (user + system) / 1_000 / count]
}

/** Computes and their two writes, without anything that makes them safe. */
class Bare {
  readonly #entries: EntryStore
  readonly #rows: EntryRow[]

  /** `like`: an entry as a refresh finds it. */
  constructor(entries: EntryStore, like: EntryRow) {
    this.#entries = entries
    this.#rows = Array.from({ length: BARE_AT_MOST }, (_, index) => ({ ...like, key: `bare/${index}`, rev: 1 }))
  }

  async prime(): Promise<void> {
    await concurrently(this.#rows, AT_ONCE, (row) => this.#entries.compareAndSet(null, row))
  }

  /** How long `count` of them take, in milliseconds. */
  async run(count: number, computeMs: number): Promise<number> {
    const began = performance.now()
    await concurrently(this.#rows.slice(0, count), AT_ONCE, async (row, index) => {
      const claimed = { ...row, rev: row.rev + 1 }
      await this.#entries.compareAndSet(row, claimed)
      await sleep(computeMs)
      const next = withNewBody({ ...claimed, rev: claimed.rev + 1 })
      await this.#entries.compareAndSet(claimed, next)
      this.#rows[index] = next
    })
    return performance.now() - began
  }
}

/** Under another id, so that it is written. */
function withNewBody(row: EntryRow): EntryRow {
  const { value } = row
  if (!value) throw new Error('an entry without a value')
  return { ...row, value: { ...value, body: { ...value.body, id: `bare-${row.rev}` } } }
}
