import { subscribe } from '../../src/events.ts'
import type { Figures } from './figures.ts'
import { Operations } from './operations.ts'
import type { Value } from './products.ts'
import type { Scenario } from './scenarios.ts'
import { startSweepsNow } from './sweep.ts'
import { World } from './world.ts'

export interface Outcome {
  readonly violations: readonly string[]
  readonly figures: Figures
}

/** Messages and calls that were sent before the faults stopped have arrived by then. */
const AFTERMATH_MS = 30_000
const STEP_MS = 10_000
/** Whatever is not done by then will never be. */
const REST_MS = 900_000

/** One schedule from one seed: operations and faults, then rest, and what was promised of both. */
export async function runSchedule(seed: number, scenario: Scenario, trace?: (line: string) => void): Promise<Outcome> {
  const world = new World(seed, scenario)
  if (trace) followTrace(world, trace)
  const { clock, checks, figures, truth } = world
  const operations = new Operations(world)
  await startSweepsNow(world.store, clock.now())
  figures.schedules = 1
  operations.schedule()
  await clock.advance(scenario.withinMs + 15_000)
  world.calm()
  truth.failing = false
  await clock.advance(AFTERMATH_MS)
  for (let waited = 0; waited < REST_MS && !(await isAtRest(world, operations)); waited += STEP_MS) {
    await clock.advance(STEP_MS)
  }
  await checks.rest()
  await inTheEnd(world, operations)
  for (const node of [...world.nodes]) node.process.kill()
  return { violations: checks.violations, figures }
}

async function isAtRest(world: World, operations: Operations): Promise<boolean> {
  if (operations.pending > 0) return false
  const { queue, store, clock, checks } = world
  const depth = await queue.depth()
  if (depth.hot + depth.normal + depth.idle > 0 || (await checks.dirtyKeys()).length > 0) return false
  for (let minute = clock.now() - REST_MS; minute <= clock.now() + 60_000; minute += 60_000) {
    const { items } = await store.workIndex.list('intent', minute, { limit: 1 })
    if (items.length > 0 && world.scenario.sweep) return false
  }
  return true
}

/** Everybody reads everything once, and has a minute to have it made anew. */
async function inTheEnd(world: World, operations: Operations): Promise<void> {
  const { clock, checks } = world
  await clock.run(operations.readAll(() => undefined))
  await clock.advance(60_000)
  await clock.run(
    operations.readAll(async (key, answer) => {
      const body = JSON.parse(Buffer.from(await answer.body.bytes('identity')).toString())
      checks.settled(key, answer, body.value as Value)
    }),
  )
}

/** Everything that happens, a line each, for people who replay one seed. */
function followTrace(world: World, print: (line: string) => void): void {
  const at = () => ((world.clock.now() - world.startedAt) / 1_000).toFixed(3)
  world.trace = (line) => print(`${at()} ${line}`)
  subscribe((event) => print(`${at()}   event ${JSON.stringify(event, withErrors)}`))
}

function withErrors(_name: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value
}
