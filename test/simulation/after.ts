import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import type { StoredEntry } from '../../src/entry/entry.ts'
import { asKckError } from '../../src/errors.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import type { Kck } from '../../src/kck/kck.ts'
import type { EntryStore, ReadOptions } from '../../src/ports/entry-store.ts'
import type { Store } from '../../src/ports/store.ts'
import { RefreshWorker } from '../../src/refresh/worker.ts'
import { CALM, type FaultPlan } from '../../src/testing/fault-plan.ts'
import { injectFaults } from '../../src/testing/inject-faults.ts'
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts'
import { afterMicrotasks, VirtualClock } from '../../src/testing/virtual-clock.ts'
import { testPrimer, testRegistry } from '../support/kck.ts'

/**
 * Who carries the token of a write is never answered with what was there before it: clients that write and read back
 * through processes with near caches, over a slow network, clocks that differ, and replicas of the store that are behind.
 */
export interface Readers {
  /** Answers that had not seen the reader's own writes. */
  readonly violations: readonly string[]
  readonly answers: number
  /** Honest errors. */
  readonly refusals: number
}

const CLIENTS = 5
const ROUNDS = 8
const READS = 3
const PROCESSES = 2
/** Milliseconds that a replica of the store may be behind, where the newest is not asked for. */
const BEHIND_MS = 2_000
const SLOW: FaultPlan = {
  ...CALM,
  latencyMs: [1, 40],
  slow: 0.03,
  slowMs: [200, 2_500],
  lostAnswer: 0.003,
  repeated: 0.03,
  lateMs: [50, 4_000],
}

export async function runReaders(seed: number, { tokens }: { readonly tokens: boolean }): Promise<Readers> {
  const clock = new VirtualClock(undefined, { settled: afterMicrotasks })
  const entropy = new SeededEntropy(seed)
  const source = Array.from({ length: CLIENTS }, () => 0)
  const pause = (most: number) => clock.sleep(Math.floor(entropy.random() * most))
  // Reads the source at one moment of the compute, which takes some time before and after it.
  const leaf = testPrimer({
    name: 'leaf',
    compute: async ({ tag }, { id }) => {
      await tag(`client-${id}`)
      await pause(300)
      const value = source[Number(id)]
      await pause(300)
      return value
    },
  })
  const above = testPrimer({ name: 'above', compute: ({ get }, { id }) => get(`leaf/${id}`) })
  const top = testPrimer({ name: 'top', compute: ({ get }, { id }) => get(`above/${id}`) })
  const registry = testRegistry([leaf, above, top])

  const queue = createMemoryRefreshQueue({ clock, entropy })
  const store = behind(openMemoryStore({ clock }), clock, entropy)
  const shared = { store, queue, sources: new Map(), clock }
  const processes = Array.from({ length: PROCESSES }, (_, index) => {
    const skewMs = Math.round((entropy.random() - 0.5) * 8_000)
    const process = injectFaults(shared, { plan: SLOW, seed: seed * 10 + index, name: `p${index}`, skewMs })
    return createKck({ registry, ...process.ports, options: { nearCacheMaxAgeMs: 5_000 } })
  })
  const stop = new AbortController()
  const working = processes.map((kck) => new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal))

  const found = { violations: [] as string[], answers: 0, refusals: 0 }
  const any = <T>(list: readonly T[]): T => list[Math.floor(entropy.random() * list.length)] as T
  const readBack = async (id: number, written: number, request: { readonly after?: string }) => {
    const key = `${any(['leaf', 'above', 'top'])}/${id}`
    const value = await read(any(processes), key, request)
    if (value === null) found.refusals += 1
    else found.answers += 1
    if (value !== null && value < written) found.violations.push(`${key} was ${value} after write ${written}`)
  }
  const client = async (id: number) => {
    for (let round = 1; round <= ROUNDS; round++) {
      await pause(500)
      source[id] = round
      const after = await tokenOf(any(processes), id)
      if (after === null) continue
      for (let reads = 0; reads < READS; reads++) {
        await readBack(id, round, tokens ? { after } : {})
        await pause(100)
      }
    }
  }
  await clock.run(Promise.all(source.map((_, id) => client(id))))
  stop.abort()
  await clock.run(Promise.all(working))
  return found
}

async function tokenOf(kck: Kck, id: number): Promise<string | null> {
  try {
    return (await kck.changed({ tags: [`client-${id}`] })).after
  } catch {
    // Nobody was told that it is seen from now on.
    return null
  }
}

async function read(kck: Kck, key: string, request: { readonly after?: string }): Promise<number | null> {
  try {
    return Number(await kck.get(key, request))
  } catch (error) {
    const { code } = asKckError(error)
    if (code === 'STORE_UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') return null
    throw error
  }
}

/** A store whose plain reads may come from a replica that has not heard the newest yet. */
function behind(store: Store, clock: VirtualClock, entropy: SeededEntropy): Store {
  const replica = new Map<string, { readonly entry: StoredEntry; readonly at: number }>()
  const seen = (entry: StoredEntry, options: ReadOptions | undefined) => {
    const old = replica.get(entry.key)
    const isBehind = old && clock.now() - old.at < BEHIND_MS && entropy.random() < 0.5
    if (options?.consistency !== 'latest' && isBehind) return old.entry
    replica.set(entry.key, { entry, at: clock.now() })
    return entry
  }
  const { entries } = store
  const read: Pick<EntryStore, 'get' | 'getMany'> = {
    get: async (key, options) => seen(await entries.get(key, options), options),
    getMany: async (keys, options) => (await entries.getMany(keys, options)).map((entry) => seen(entry, options)),
  }
  const rest: Omit<EntryStore, 'get' | 'getMany'> = {
    compareAndSet: (...call) => entries.compareAndSet(...call),
    mark: (...call) => entries.mark(...call),
    unmark: (...call) => entries.unmark(...call),
    putChunks: (...call) => entries.putChunks(...call),
    getChunks: (...call) => entries.getChunks(...call),
    deleteChunks: (...call) => entries.deleteChunks(...call),
    ping: (...call) => entries.ping(...call),
    close: () => entries.close(),
  }
  return { ...store, entries: { ...read, ...rest } }
}
