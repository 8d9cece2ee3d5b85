import { createMemoryRefreshQueue } from '../adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../adapters/memory/store.ts'
import { createKck } from '../kck/create-kck.ts'
import type { Kck } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import { createRegistry } from '../primer/create-registry.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import { createProcessWorker } from '../process/process-worker.ts'
import { RefreshWorker } from '../refresh/worker.ts'
import type { Updater } from '../updater/definition.ts'
import { CALM, type FaultPlan } from './fault-plan.ts'
import { injectFaults } from './inject-faults.ts'
import { type Answer, scriptedSource } from './scripted-source.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface TestSystemOptions {
  readonly primers: readonly AnyPrimer[]
  readonly updaters?: readonly Updater[]
  /** What answers the statements of each source, by its name. */
  readonly sources?: Readonly<Record<string, Answer>>
  /** Decides ids, chances and faults; the same seed gives the same run. @default 1 */
  readonly seed?: number
  /** As a deployment may set them. The near cache is off unless it says otherwise. */
  readonly options?: Partial<KckOptions>
}

export interface TestProcess {
  readonly kck: Kck
  /** As kill -9 does: nothing of it goes on, and what it had sent still arrives. */
  kill(): void
  /** From now on nothing goes wrong for it. */
  calm(): void
}

export interface TestSystem {
  /** Stands still unless it is told to go: `clock.run(promise)`, `clock.advance(ms)`. */
  readonly clock: VirtualClock
  /** One more process over the same store and queue. `work`: it refreshes, and does what runs by itself. */
  start(options?: {
    readonly faults?: Partial<FaultPlan>
    readonly work?: boolean
    /** Milliseconds by which its clock is ahead. @default 0 */
    readonly skewMs?: number
  }): TestProcess
}

/** A whole KCK in memory, with a clock of its own and as many processes as a test wants, to try one's own primers on. */
export function createTestSystem({ seed = 1, ...given }: TestSystemOptions): TestSystem {
  const clock = new VirtualClock()
  const registry = createRegistry({ primers: given.primers, updaters: given.updaters ?? [] })
  const answers = Object.entries(given.sources ?? {})
  const shared = {
    clock,
    store: openMemoryStore({ clock }),
    queue: createMemoryRefreshQueue({ clock, entropy: new SeededEntropy(seed, 'msg') }),
    sources: new Map(answers.map(([name, answer]) => [name, scriptedSource(name, answer)])),
  }
  let started = 0
  return {
    clock,
    start({ faults = {}, work = false, skewMs = 0 } = {}) {
      started += 1
      const plan = { ...CALM, ...faults }
      const process = injectFaults(shared, { plan, seed: seed * 1_000 + started, name: `p${started}`, skewMs })
      const { ports } = process
      const kck = createKck({ ...ports, registry, options: { nearCacheBytes: 0, ...given.options } })
      const never = new AbortController().signal
      if (work) {
        void new RefreshWorker({ queue: ports.queue, work: kck.work, clock: ports.clock }).run(never)
        void createProcessWorker({ ...ports, kck }).run(never)
      }
      return { kck, kill: () => process.kill(), calm: () => process.calm() }
    },
  }
}
