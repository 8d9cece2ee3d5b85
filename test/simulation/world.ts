import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import type { EntryRow } from '../../src/entry/entry.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import type { Kck } from '../../src/kck/kck.ts'
import type { RefreshQueue } from '../../src/ports/refresh-queue.ts'
import type { Store } from '../../src/ports/store.ts'
import { RefreshWorker } from '../../src/refresh/worker.ts'
import { CALM } from '../../src/testing/fault-plan.ts'
import { injectFaults, type SimulatedProcess } from '../../src/testing/inject-faults.ts'
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts'
import { afterMicrotasks, VirtualClock } from '../../src/testing/virtual-clock.ts'
import { Chance } from './chance.ts'
import { Checks } from './checks.ts'
import { Figures } from './figures.ts'
import { observedStore, storedValue } from './observed-store.ts'
import { type Around, registryFor } from './products.ts'
import type { Scenario } from './scenarios.ts'
import { sweepForever } from './sweep.ts'
import { Truth } from './truth.ts'

const LEASE_MS = 10_000

/** One process of the simulated system. */
export interface Node {
  readonly name: string
  readonly kind: 'web' | 'worker'
  readonly process: SimulatedProcess
  readonly kck: Kck
  /** Settles when it is killed. */
  readonly death: Promise<never>
  kill(): void
}

export class Killed extends Error {}

/** The truth, the shared store and queue, and the processes over them. */
export class World {
  readonly scenario: Scenario
  readonly startedAt = Date.UTC(2026, 0, 1)
  readonly clock = new VirtualClock(this.startedAt, { settled: afterMicrotasks })
  /** Takes a line for whoever replays a seed. */
  trace: ((line: string) => void) | null = null
  readonly chance: Chance
  readonly figures = new Figures()
  readonly checks: Checks
  readonly truth: Truth
  readonly store: Store
  readonly queue: RefreshQueue
  /** As the store holds them. */
  readonly rows = new Map<string, EntryRow>()
  readonly nodes: Node[] = []
  readonly #seed: number
  #isCalm = false
  #started = 0

  constructor(seed: number, scenario: Scenario) {
    this.#seed = seed
    this.scenario = scenario
    this.chance = new Chance(seed)
    this.checks = new Checks(this)
    this.truth = new Truth(
      () => this.clock.now(),
      (variable) => this.checks.changed(variable),
    )
    this.store = observedStore(openMemoryStore({ clock: this.clock }), (previous, next) => {
      this.rows.set(next.key, next)
      this.trace?.(describeRow(next))
      this.checks.applied(previous, next)
    })
    this.queue = createMemoryRefreshQueue({ clock: this.clock, entropy: new SeededEntropy(seed, 'msg') })
    for (let web = 0; web < 2; web++) this.start('web')
    for (let worker = 0; worker < scenario.workers; worker++) this.start('worker')
  }

  start(kind: Node['kind']): Node {
    const { scenario, clock, store, queue, truth } = this
    this.#started += 1
    const name = `${kind.charAt(0)}${String(this.#started).padStart(4, '0')}`
    const process = injectFaults(
      { clock, store, queue, sources: new Map([['shop', truth]]) },
      {
        name,
        seed: this.#seed * 1_000 + this.#started,
        plan: this.#isCalm ? CALM : scenario.faults,
        skewMs: this.chance.between(-scenario.skewMs, scenario.skewMs),
      },
    )
    const kck = createKck({
      ...process.ports,
      registry: registryFor(this.#around(name, process)),
      options: {
        leaseMs: LEASE_MS,
        deadlineMs: scenario.deadlineMs,
        compression: 'none',
        nearCacheBytes: scenario.nearCacheMs > 0 ? 1_000_000 : 0,
        nearCacheMaxAgeMs: scenario.nearCacheMs,
      },
    })
    let die: (reason: Killed) => void = () => undefined
    const death = new Promise<never>((_, reject) => {
      die = reject
    })
    death.catch(() => undefined)
    const kill = () => {
      process.kill()
      this.nodes.splice(this.nodes.indexOf(node), 1)
      this.checks.killed(name)
      die(new Killed(name))
      this.trace?.(`${name} was killed`)
    }
    const node: Node = { name, kind, process, kck, death, kill }
    this.nodes.push(node)
    this.trace?.(`${name} started`)
    if (kind === 'worker') this.#work(node)
    return node
  }

  /** Faults stop; who works goes on. */
  calm(): void {
    this.#isCalm = true
    for (const node of this.nodes) node.process.calm()
  }

  /** Some living web process. */
  web(): Node {
    return this.chance.pick(this.nodes.filter((node) => node.kind === 'web'))
  }

  #work({ kck, process }: Node): void {
    const never = new AbortController().signal
    const { queue, clock } = process.ports
    const options = { concurrency: 3, waitMs: 60_000, visibilityMs: 15_000 }
    void new RefreshWorker({ queue, work: kck.work, clock }, options).run(never)
    if (this.scenario.sweep) void sweepForever(process.ports, kck)
  }

  #around(name: string, process: SimulatedProcess): Around {
    return async (key, context, compute) => {
      const { scenario, chance } = this
      const end = this.checks.computeBegins(name, key)
      try {
        const value = await compute()
        const isSlow = !this.#isCalm && chance.happens(scenario.slowComputes)
        const ms = isSlow ? chance.between(8_000, 15_000) : chance.between(...scenario.computeMs)
        await process.ports.clock.sleep(ms, context.signal)
        return value
      } finally {
        end()
      }
    }
  }
}

function describeRow(row: EntryRow): string {
  const { value, lease, failure } = row
  const is = value ? `v${value.version} built at ${value.builtEpoch} ${JSON.stringify(storedValue(row))}` : 'no value'
  const more = `${lease ? ` lease ${lease.token}` : ''}${failure ? ` failed ${failure.attempts}` : ''}`
  return `${row.key} rev ${row.rev} epoch ${row.epoch} ${is}${more} by ${row.ops.at(-1)}`
}
