import { Random } from './random.ts'

export const READ = 0
export const CHANGE = 1
export const SCHEDULE = 2

/** What happens to a cache, whatever it does about it. Times in seconds from the start. */
export interface Trace {
  readonly name: string
  readonly seconds: number
  /** Computes that the source bears at once. */
  readonly slots: number
  /** Of each key. */
  readonly costS: Float64Array
  readonly softTtlS: Float64Array
  /** When each value was computed that is there at the start. */
  readonly asOf: Float64Array
  /** In order of time. */
  readonly at: Float64Array
  readonly kind: Uint8Array
  readonly key: Uint32Array
}

const KEYS = 100_000
const HOURS = 3_600

export interface Happening {
  at: number
  kind: number
  key: number
}

export function finish(trace: Omit<Trace, 'at' | 'kind' | 'key'>, happenings: Happening[]): Trace {
  happenings.sort((a, b) => a.at - b.at)
  return {
    ...trace,
    at: Float64Array.from(happenings, (one) => one.at),
    kind: Uint8Array.from(happenings, (one) => one.kind),
    key: Uint32Array.from(happenings, (one) => one.key),
  }
}

function zipf(random: Random, exponent: number, order: Uint32Array): () => number {
  const cdf = new Float64Array(KEYS)
  let sum = 0
  for (let i = 0; i < KEYS; i++) {
    sum += 1 / (i + 1) ** exponent
    cdf[i] = sum
  }
  return () => {
    const u = random.next() * sum
    let low = 0,
      high = KEYS - 1
    while (low < high) {
      const mid = (low + high) >> 1
      if ((cdf[mid] as number) < u) low = mid + 1
      else high = mid
    }
    return order[low] as number
  }
}

function poisson(random: Random, until: number, perSecond: number, each: (at: number) => void) {
  for (let at = random.exponential(perSecond); at < until; at += random.exponential(perSecond)) each(at)
}

function keys(random: Random, cost: (key: number) => number, ttl: (key: number) => number) {
  const costS = Float64Array.from({ length: KEYS }, (_, key) => cost(key))
  const softTtlS = Float64Array.from({ length: KEYS }, (_, key) => ttl(key))
  const asOf = softTtlS.map((seconds) => -seconds * random.next())
  return { costS, softTtlS, asOf }
}

export function steady(seed: number): Trace {
  const random = new Random(seed)
  const seconds = 6 * HOURS
  const made: Happening[] = []
  const popular = random.permutation(KEYS)
  const read = zipf(random, 0.9, popular)
  poisson(random, seconds, 50, (at) => made.push({ at, kind: READ, key: read() }))
  const changed = zipf(random, 0.6, popular)
  poisson(random, seconds, 5.6, (at) => made.push({ at, kind: CHANGE, key: changed() }))
  return finish(
    {
      name: 'steady Zipf',
      seconds,
      slots: 32,
      ...keys(
        random,
        () => random.pareto(1, 600, 1),
        () => random.pick([0.25, 1, 4]) * HOURS,
      ),
    },
    made,
  )
}

export function burst(seed: number): Trace {
  const random = new Random(seed)
  const seconds = 6 * HOURS
  const made: Happening[] = []
  const popular = random.permutation(KEYS)
  const read = zipf(random, 0.9, popular)
  poisson(random, seconds, 50, (at) => made.push({ at, kind: READ, key: read() }))
  const changed = zipf(random, 0.6, popular)
  poisson(random, seconds, 1.5, (at) => made.push({ at, kind: CHANGE, key: changed() }))
  for (const at of [0.5 * HOURS, 2.5 * HOURS, 4 * HOURS])
    for (const key of random.permutation(KEYS).subarray(0, 20_000))
      made.push({ at: at + random.next() * 60, kind: CHANGE, key })
  return finish(
    {
      name: 'update burst',
      seconds,
      slots: 32,
      ...keys(
        random,
        () => random.pareto(1, 600, 1),
        () => random.pick([0.25, 1, 4]) * HOURS,
      ),
    },
    made,
  )
}

export function mixed(seed: number): Trace {
  const random = new Random(seed)
  const seconds = 6 * HOURS
  const made: Happening[] = []
  const primers = 20
  const costs = [1, 2, 5, 20, 60, 180, 600]
  const shares = [30, 30, 20, 10, 6, 3, 1]
  const primerOf = (key: number) => key % primers
  const costOf = Array.from({ length: primers }, (_, i) => costs[i % costs.length] as number)
  void shares
  const popular = random.permutation(KEYS)
  const read = zipf(random, 0.9, popular)
  poisson(random, seconds, 50, (at) => made.push({ at, kind: READ, key: read() }))
  const changed = zipf(random, 0.6, popular)
  poisson(random, seconds, 0.33, (at) => made.push({ at, kind: CHANGE, key: changed() }))
  // Schedules
  for (let primer = 0; primer < 4; primer++) {
    const every = ([0.5, 1, 2, 3][primer] as number) * HOURS
    const members = Array.from({ length: 1000 }, (_, n) => primer + primers * n)
    for (let at = random.next() * every; at < seconds; at += every)
      for (const key of members) made.push({ at, kind: SCHEDULE, key })
  }
  return finish(
    {
      name: 'mixed cost, schedules',
      seconds,
      slots: 32,
      ...keys(
        random,
        (key) => (costOf[primerOf(key)] as number) * (0.5 + random.next()),
        (key) => ([0.25, 0.5, 1, 4][primerOf(key) % 4] as number) * HOURS,
      ),
    },
    made,
  )
}
