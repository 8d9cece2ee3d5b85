import { beyond, type Counts, Figures, type Limits, type Summary } from './figures.ts'
import { runSchedule } from './run.ts'
import { SCENARIOS } from './scenarios.ts'

export interface Broken {
  readonly seed: number
  readonly scenario: string
  readonly violations: readonly string[]
}

export interface Simulated {
  readonly schedules: number
  readonly broken: readonly Broken[]
  readonly figures: Readonly<Record<string, Summary>>
}

/** As `Simulated`, to be put together with others. */
export interface Slice {
  readonly schedules: number
  readonly broken: readonly Broken[]
  /** By scenario. */
  readonly totals: Readonly<Record<string, Counts>>
}

export interface SimulateOptions {
  /** The first seed. */
  readonly seed: number
  readonly seeds: number
  /** Names of `SCENARIOS`, taken in turn. */
  readonly scenarios: readonly string[]
  /** Stop after so many schedules that broke a promise. */
  readonly failures: number
  /** True: begin no other schedule. */
  readonly isOver?: () => boolean
  readonly onBroken?: (broken: Broken) => void
  readonly trace?: ((line: string) => void) | undefined
}

/** One schedule per seed, each scenario as often as the others. The same options give the same result. */
export async function simulate(options: SimulateOptions): Promise<Simulated> {
  return together([await simulateSlice(options)])
}

export async function simulateSlice(options: SimulateOptions): Promise<Slice> {
  const { seed: first, seeds, scenarios, failures, isOver, onBroken, trace } = options
  const totals = new Map(scenarios.map((name) => [name, new Figures()]))
  const broken: Broken[] = []
  let schedules = 0
  for (let seed = first; seed < first + seeds && broken.length < failures; seed++) {
    if (isOver?.()) break
    const name = scenarios[seed % scenarios.length] ?? ''
    const scenario = SCENARIOS[name]
    if (!scenario) throw new Error(`There is no scenario ${name}: ${Object.keys(SCENARIOS).join(', ')}`)
    const { violations, figures } = await runSchedule(seed, scenario, trace)
    // Weak references are let go between two turns of the event loop only.
    await new Promise((resolve) => setImmediate(resolve))
    totals.get(name)?.add(figures)
    schedules += 1
    if (violations.length === 0) continue
    broken.push({ seed, scenario: name, violations })
    onBroken?.({ seed, scenario: name, violations })
  }
  return { schedules, broken, totals: Object.fromEntries(totals) }
}

/** Of slices of one simulation, in the order of their seeds. */
export function together(slices: readonly Slice[]): Simulated {
  const totals = new Map<string, Figures>()
  for (const [name, counts] of slices.flatMap((slice) => Object.entries(slice.totals))) {
    const total = totals.get(name) ?? new Figures()
    total.add(counts)
    totals.set(name, total)
  }
  return {
    schedules: slices.reduce((sum, slice) => sum + slice.schedules, 0),
    broken: slices.flatMap((slice) => slice.broken),
    figures: Object.fromEntries([...totals].map(([name, total]) => [name, total.summary()])),
  }
}

/** Generous, and only for scenarios in which nothing fails: elsewhere leases and sweeps decide how long it takes. */
export const LIMITS: Readonly<Record<string, Limits>> = {
  calm: { p50: 2_000, p99: 10_000, computesPerChange: 4.5, mixed: 0 },
  failing: { p50: 2_000, p99: 10_000, computesPerChange: 6, mixed: 0 },
  unswept: { p50: 5_000, p99: 45_000, computesPerChange: 6, mixed: 0 },
}

/** What is slower, or computed more often, than it may be. */
export function beyondLimits({ figures }: Simulated): readonly string[] {
  return Object.entries(LIMITS).flatMap(([name, limits]) => {
    const summary = figures[name]
    return summary ? beyond(summary, limits).map((text) => `${name}: ${text}`) : []
  })
}
