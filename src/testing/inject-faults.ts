import type { Clock, Entropy } from '../ports/clock.ts'
import type { RefreshQueue } from '../ports/refresh-queue.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import { CALM, type FaultPlan } from './fault-plan.ts'
import { faultyQueue } from './faulty-queue.ts'
import { faultySource } from './faulty-source.ts'
import { faultyStore } from './faulty-store.ts'
import { Link } from './link.ts'
import { SeededEntropy } from './seeded-entropy.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** What several simulated processes share. */
export interface SharedPorts {
  readonly store: Store
  readonly queue: RefreshQueue
  readonly sources: ReadonlyMap<string, Source>
  readonly clock: VirtualClock
}

export interface InjectOptions {
  readonly plan: FaultPlan
  /** Decides every fault; the same seed gives the same run. */
  readonly seed: number
  /** At most 6 letters, different for every process: its ids begin with it. */
  readonly name: string
  /** Milliseconds by which this process's clock is ahead of the others. @default 0 */
  readonly skewMs?: number
}

export interface ProcessPorts {
  readonly store: Store
  readonly queue: RefreshQueue
  readonly sources: ReadonlyMap<string, Source>
  readonly clock: Clock
  readonly entropy: Entropy
}

export interface SimulatedProcess {
  /** For `createKck` and `RefreshWorker`. */
  readonly ports: ProcessPorts
  readonly killed: boolean
  /** As kill -9 does: nothing of this process goes on, at whatever instant. What it had sent still arrives. */
  kill(): void
  /** From now on everything arrives. */
  calm(): void
}

/**
 * One simulated process: the shared ports, seen through a network that loses, delays and repeats what `plan` says. A
 * restarted process is another one over the same shared ports.
 *
 * ```ts
 * const clock = new VirtualClock()
 * const shared = { clock, store: openMemoryStore({ clock }), queue: createMemoryRefreshQueue({ clock, entropy }), sources }
 * const web = injectFaults(shared, { plan: STORMY, seed: 1, name: 'web' })
 * const kck = createKck({ registry, ...web.ports })
 * const reading = kck.fetch('customer_orders/7')
 * await clock.advance(3)
 * web.kill()
 * ```
 */
export function injectFaults(shared: SharedPorts, options: InjectOptions): SimulatedProcess {
  const link = new Link(shared.clock, new SeededEntropy(options.seed), options.plan)
  const entropy = new SeededEntropy(options.seed ^ 0x5bd1e995, options.name)
  const sources = [...shared.sources].map(([name, source]) => [name, faultySource(source, link)] as const)
  return {
    ports: {
      store: faultyStore(shared.store, link),
      queue: faultyQueue(shared.queue, link),
      sources: new Map(sources),
      clock: ownClock(shared.clock, link, options.skewMs ?? 0),
      entropy,
    },
    get killed() {
      return link.isCut
    },
    kill: () => link.cut(),
    calm: () => {
      link.plan = CALM
    },
  }
}

/** Runs as fast as the shared clock, shows another time, and wakes nobody in a killed process. */
function ownClock(clock: VirtualClock, link: Link, skewMs: number): Clock {
  return {
    now: () => clock.now() + skewMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        clock.sleep(ms, signal).then(
          () => {
            if (!link.isCut) resolve()
          },
          (reason: unknown) => {
            if (!link.isCut) reject(reason)
          },
        )
      }),
  }
}
