import { Random } from './random.ts'
import { CHANGE, type Happening, READ, SCHEDULE, type Trace, traceOf } from './trace.ts'

const KEYS = 100_000
const HOUR = 3_600
const SECONDS = 6 * HOUR
const SLOTS = 32
const READS_PER_S = 50

/** Changes that ask for more than the source can do, for hours. */
export function steady(seed: number): Trace {
  const { random, reads, changes } = world(seed)
  return traceOf({ name: 'steady Zipf', seconds: SECONDS, slots: SLOTS, ...heavyTailed(random) }, [
    ...reads(),
    ...changes(6),
  ])
}

/** A source with time to spare, but three times a change touches a fifth of everything. */
export function burst(seed: number): Trace {
  const { random, reads, changes } = world(seed)
  const bursts = [0.5, 2.5, 4].flatMap((hour) =>
    Array.from(random.permutation(KEYS).subarray(0, KEYS / 5), (key) => {
      return { at: hour * HOUR + 60 * random.next(), kind: CHANGE, key }
    }),
  )
  return traceOf({ name: 'update burst', seconds: SECONDS, slots: SLOTS, ...heavyTailed(random) }, [
    ...reads(),
    ...changes(1.5),
    ...bursts,
  ])
}

/** 20 primers whose computes take from a second to 10 minutes; four of them refresh 1,000 products each on schedules. */
export function mixed(seed: number): Trace {
  const primers = 20
  const costs = [1, 2, 5, 20, 60, 180, 600]
  const softTtls = [0.25, 0.5, 1, 4]
  const { random, reads, changes } = world(seed)
  const happenings = [...reads(), ...changes(0.33)]
  for (const [primer, hours] of [0.5, 1, 2, 3].entries()) {
    for (let at = random.next() * hours * HOUR; at < SECONDS; at += hours * HOUR) {
      for (let n = 0; n < 1_000; n++) happenings.push({ at, kind: SCHEDULE, key: primer + primers * n })
    }
  }
  const about = {
    costS: each((key) => (costs[(key % primers) % costs.length] as number) * (0.5 + random.next())),
    softTtlS: each((key) => HOUR * (softTtls[key % softTtls.length] as number)),
  }
  return traceOf({ name: 'mixed cost, schedules', seconds: SECONDS, slots: SLOTS, ...about }, happenings)
}

/** A few products are read and changed often, most of them hardly ever. */
function world(seed: number) {
  const random = new Random(seed)
  const popular = random.permutation(KEYS)
  const stream = (kind: number, perSecond: number, exponent: number): Happening[] => {
    const draw = random.zipf(popular, exponent)
    const happenings: Happening[] = []
    for (let at = random.exponential(perSecond); at < SECONDS; at += random.exponential(perSecond)) {
      happenings.push({ at, kind, key: draw() })
    }
    return happenings
  }
  return {
    random,
    reads: () => stream(READ, READS_PER_S, 0.9),
    changes: (perSecond: number) => stream(CHANGE, perSecond, 0.6),
  }
}

/** Most computes take seconds, some 10 minutes. */
function heavyTailed(random: Random): Pick<Trace, 'costS' | 'softTtlS'> {
  return { costS: each(() => random.pareto(1, 600)), softTtlS: each(() => HOUR * random.pick([0.25, 1, 4])) }
}

function each(value: (key: number) => number): Float64Array {
  return Float64Array.from({ length: KEYS }, (_, key) => value(key))
}
