import { int, primer } from '../src/index.ts'
import type { Benchmark } from './support/benchmark.ts'
import { Fleet } from './support/refresh/fleet.ts'
import { KINDS, openParts } from './support/refresh/parts.ts'
import { interleave, median } from './support/statistics.ts'

const FANS = [10, 1_000, 100_000]
const CHAIN = 10
const DIAMONDS = 5

/** A shape of dependencies: what changes, and everything that rests on it. */
interface Shape {
  readonly name: string
  readonly changed: string
  readonly below: readonly string[]
}

interface Sample {
  readonly store: string
  readonly shape: string
  /** Milliseconds until everything below was dirty, until its refreshes were asked for, and until all was fresh again. */
  readonly dirtyMs: number
  readonly askedMs: number
  readonly freshMs: number
  readonly computes: number
}

/** What one change costs: until everything below it is marked, and until everything is fresh again. */
export const benchmark: Benchmark = async ({ rounds, most, cleanup, say }) => {
  const shapes = [...FANS.filter((fan) => fan <= most).map(fanOf), chainOf(CHAIN), diamondsOf(DIAMONDS)]
  const samples: Sample[] = []
  for (const store of KINDS) {
    const world = { value: 0, computes: 0 }
    const fleet = new Fleet(await openParts(store, cleanup), primersOf(world))
    for (const { name, changed, below } of shapes) {
      say(`${store}: computing ${name} ...`)
      await fleet.prime([changed, ...below])
    }
    for (const { name, changed, below } of interleave(shapes, rounds)) {
      world.value++
      world.computes = 0
      const { dirtyMs, askedMs } = await fleet.change((kck) => kck.invalidate(changed))
      const freshMs = askedMs + (await fleet.drain())
      samples.push({ store, shape: name, dirtyMs, askedMs, freshMs, computes: world.computes })
      say(`${store}, ${name}: dirty after ${dirtyMs.toFixed(1)} ms, fresh after ${freshMs.toFixed(1)} ms`)
      await expectFresh(fleet, [below[0], below.at(-1)], world.value)
    }
  }
  const rows = KINDS.flatMap((store) =>
    shapes.map(({ name, below }) => {
      const of = samples.filter((sample) => sample.store === store && sample.shape === name)
      const middle = (figure: 'dirtyMs' | 'askedMs' | 'freshMs' | 'computes') =>
        median(of.map((sample) => sample[figure]))
      const perSecond = (below.length * 1_000) / middle('dirtyMs')
      const times = [middle('dirtyMs'), perSecond, middle('askedMs'), middle('freshMs')]
      return [`${store}, ${name}`, ...times, middle('computes')]
    }),
  )
  const columns = [
    'store, what lies below',
    'all dirty ms',
    'marked per second',
    'all asked for ms',
    'all fresh ms',
    'computes',
  ]
  const notes = [
    'All dirty: the last mark is placed. All asked for: every refresh is written down and queued; the worker starts then, in the same process',
    `A chain of ${CHAIN}: each product reads the one before. ${DIAMONDS} diamonds: each product reads two that read the one before`,
  ]
  return { tables: [{ title: 'One change of one product', columns, rows }], notes, samples }
}

async function expectFresh(fleet: Fleet, keys: readonly (string | undefined)[], value: number): Promise<void> {
  for (const key of keys) {
    if (key === undefined) continue
    const fetched = await fleet.kck.fetch(key, { onlyIfCached: true })
    if (fetched.state !== 'fresh') throw new Error(`${key} is ${fetched.state}`)
    if ((await fleet.kck.get(key)) !== value) throw new Error(`${key} is not what follows from the change`)
  }
}

const fanOf = (size: number): Shape => ({
  name: `${size.toLocaleString('en-US')} dependents`,
  changed: `fan/${size}`,
  below: Array.from({ length: size }, (_, id) => `leaf/${size}/${id}`),
})

const chainOf = (length: number): Shape => ({
  name: `a chain of ${length}`,
  changed: 'link/0',
  below: Array.from({ length }, (_, index) => `link/${index + 1}`),
})

const diamondsOf = (count: number): Shape => ({
  name: `${count} diamonds`,
  changed: 'join/0',
  below: Array.from({ length: count }, (_, index) => [
    `side/${index}/0`,
    `side/${index}/1`,
    `join/${index + 1}`,
  ]).flat(),
})

/** Every product is as large as what it reads, so that one number says whether it is up to date. */
function primersOf(world: { value: number; computes: number }) {
  const made = <T>(value: T): T => {
    world.computes++
    return value
  }
  return [
    primer({ name: 'fan', parameters: { size: int() }, compute: () => made(world.value) }),
    primer({
      name: 'leaf',
      parameters: { size: int(), id: int() },
      compute: async ({ get }, { size }) => made(await get(`fan/${size}`)),
    }),
    primer({
      name: 'link',
      parameters: { at: int() },
      compute: async ({ get }, { at }) => made(at === 0 ? world.value : await get(`link/${at - 1}`)),
    }),
    primer({
      name: 'join',
      parameters: { at: int() },
      compute: async ({ get }, { at }) => {
        if (at === 0) return made(world.value)
        const [one, other] = await Promise.all([get(`side/${at - 1}/0`), get(`side/${at - 1}/1`)])
        if (one !== other) throw new Error('a mix of old and new')
        return made(one)
      },
    }),
    primer({
      name: 'side',
      parameters: { at: int(), side: int() },
      compute: async ({ get }, { at }) => made(await get(`join/${at}`)),
    }),
  ]
}
