import { CHANGE, type Happening, READ, type Trace, traceOf } from './trace.ts'

/** Where a recording does not say how long a value may be stale. */
const USUAL_SOFT_TTL_S = 3_600
const USUAL_COST_S = 1

/**
 * A trace from what a KCK has reported: one event as JSON in each line, with its time in milliseconds as `at`. `hit`,
 * `stale` and `miss` are reads, `dirty` is a change, and the `costMs` of the `prime`s is what the product costs.
 */
export function recordedTrace(name: string, lines: Iterable<string>, slots: number): Trace {
  const numbers = new Map<string, number>()
  const costs: number[][] = []
  const happenings: Happening[] = []
  let start: number | undefined
  let seconds = 0
  for (const line of lines) {
    if (line.trim() === '') continue
    const { at, type, key, costMs } = JSON.parse(line) as {
      readonly at: number
      readonly type: string
      readonly key?: string
      readonly costMs?: number
    }
    if (key === undefined) continue
    start ??= at
    seconds = Math.max(seconds, (at - start) / 1_000)
    const number = numbers.get(key) ?? numbers.size
    numbers.set(key, number)
    costs[number] ??= []
    if (type === 'prime' && costMs !== undefined) costs[number]?.push(costMs / 1_000)
    const kind = KINDS[type]
    if (kind !== undefined) happenings.push({ at: (at - start) / 1_000, kind, key: number })
  }
  const about = {
    costS: Float64Array.from(costs, (of) => (of.length === 0 ? USUAL_COST_S : of.reduce((a, b) => a + b) / of.length)),
    softTtlS: new Float64Array(costs.length).fill(USUAL_SOFT_TTL_S),
  }
  return traceOf({ name, seconds, slots, ...about }, happenings)
}

const KINDS: Readonly<Record<string, number>> = { hit: READ, stale: READ, miss: READ, dirty: CHANGE }
