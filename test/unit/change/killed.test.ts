import { describe, expect, test } from 'vitest'
import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { createKck } from '../../../src/kck/create-kck.ts'
import { int } from '../../../src/key/scalar-types.ts'
import type { RefreshQueue } from '../../../src/ports/refresh-queue.ts'
import type { QueryResult, Source } from '../../../src/ports/source.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { primer } from '../../../src/primer/primer.ts'
import { sweep } from '../../../src/process/sweep.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { updater } from '../../../src/updater/updater.ts'
import { drain } from '../../../src/watch/drain.ts'

/** A process that is killed when it is about to take its `killAt`th step; what it took before stays. */
class Doomed {
  readonly steps: string[] = []
  readonly #killAt: number

  constructor(killAt: number) {
    this.#killAt = killAt
  }

  get isDead(): boolean {
    return this.steps.length > this.#killAt
  }

  step<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.steps.push(name)
    // Whoever is dead waits for nothing, and nothing of it goes on.
    return this.isDead
      ? new Promise(() => undefined)
      : work().then((result) => (this.isDead ? new Promise(() => undefined) : result))
  }

  wrap<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get: (target, property) => {
        const member = Reflect.get(target, property)
        if (typeof member !== 'function') return member
        return (...call: unknown[]) =>
          this.step(`${name}.${String(property)}`, () => Reflect.apply(member, target, call))
      },
    })
  }

  store(store: Store): Store {
    const { entries, lineage, workIndex, registers } = store
    return {
      ...store,
      entries: this.wrap('entries', entries),
      lineage: this.wrap('lineage', lineage),
      workIndex: this.wrap('workIndex', workIndex),
      registers: this.wrap('registers', registers),
    }
  }
}

/** A database of one number, whose changes are written down in an outbox in the same transaction. */
class Numbers implements Source {
  readonly name = 'main'
  value = 0
  readonly outbox: { readonly id: string; readonly table: string }[] = []

  set(value: number): void {
    this.value = value
    this.outbox.push({ id: String(this.outbox.length + 1), table: 'public.numbers' })
  }

  async query({ text }: { readonly text: string }, values: Readonly<Record<string, unknown>>): Promise<QueryResult> {
    if (text.startsWith('delete')) {
      const ids = values['ids'] as readonly string[]
      this.outbox.splice(0, this.outbox.length, ...this.outbox.filter(({ id }) => !ids.includes(id)))
    }
    const rows = text.includes('outbox') ? this.outbox.map(({ id, table }) => [id, table, null, 0]) : [[this.value]]
    return { columns: [{ name: 'value', type: 'int4' }], rows, rowCount: 1 }
  }

  async transaction<T>(work: (transaction: { query: Source['query'] }) => Promise<T>): Promise<T> {
    const result = await work({
      query: async (_, values) => {
        this.#open = Number(values['value'])
        return { columns: [], rows: [], rowCount: 1 }
      },
    })
    if (this.#open !== null) this.value = this.#open
    this.#open = null
    return result
  }
  #open: number | null = null

  describe = async () => []
  ping = async () => undefined
  close = async () => undefined
}

const number = primer({ name: 'number', sql: 'select value from numbers', result: 'value' })
const double = primer({ name: 'double', compute: async ({ get }) => 2 * Number(await get('number')) })
const write = updater({
  name: 'write',
  key: { id: int() },
  body: { value: int() },
  update: 'update numbers set value = :value where id = :id',
})

function world() {
  const clock = new VirtualClock()
  const entropy = new SeededEntropy(7)
  const source = new Numbers()
  const store = openMemoryStore({ clock })
  const queue = createMemoryRefreshQueue({ clock, entropy })
  const registry = createRegistry({ primers: [number, double], updaters: [write] })
  const kckOver = (over: { store: Store; queue: RefreshQueue; source: Source }) =>
    createKck({
      ...over,
      registry,
      clock,
      entropy,
      sources: new Map([['main', over.source]]),
      options: { nearCacheBytes: 0 },
    })
  const survivor = kckOver({ store, queue, source })
  return {
    clock,
    source,
    survivor,
    doomed: (doom: Doomed) => {
      const over = { store: doom.store(store), queue: doom.wrap('queue', queue), source: doom.wrap('source', source) }
      return { kck: kckOver(over), source: over.source }
    },
    /** What the other processes do by themselves within two minutes. */
    recover: async () => {
      const stop = new AbortController()
      const working = new RefreshWorker({ queue, work: survivor.work, clock }).run(stop.signal)
      for (let minute = 0; minute < 4; minute++) {
        await clock.advance(40_000)
        await clock.run(sweep({ registry, store, queue, clock, entropy, resume: survivor.work.resume }))
      }
      await clock.advance(40_000)
      stop.abort()
      await clock.run(working)
    },
  }
}

function times(count: number, step: string): readonly string[] {
  return Array.from({ length: count }, () => step)
}

type World = ReturnType<typeof world>
const signal = new AbortController().signal

interface Path {
  readonly begin: (over: ReturnType<World['doomed']>, around: World) => Promise<unknown>
  /** What somebody else does by himself when there was no answer. */
  readonly goOn: (around: World) => Promise<unknown>
  readonly steps: readonly string[]
  /** What is left in the outbox at the end: only the drain looks into it. */
  readonly outbox: number
}

/** Two products, one over the other: each is marked, owed and asked for, then what reads it is looked for. */
const MARK = ['entries.mark', 'workIndex.put', 'queue.send']
const MARKING = [
  ...times(3, 'lineage.dependents'),
  ...MARK,
  ...times(2, 'lineage.dependents'),
  ...MARK,
  'lineage.dependents',
]
const NODES = times(2, 'lineage.dependents')
const change = { tables: [{ table: 'numbers' }] }

/** Every step that each path takes before it is answered, one after the other or at once. */
const paths: Readonly<Record<string, Path>> = {
  'POST /changed': {
    begin: ({ kck }, { source }) => {
      source.set(1)
      return kck.changed(change, { id: 'once' })
    },
    goOn: ({ survivor }) => survivor.changed(change, { id: 'once' }),
    steps: ['registers.get', ...NODES, 'workIndex.put', ...MARKING, 'workIndex.remove', 'registers.compareAndSet'],
    outbox: 1,
  },
  'PUT /update': {
    begin: ({ kck }) => kck.update('write/1', { value: 1 }),
    goOn: async () => undefined,
    steps: [
      ...NODES,
      'workIndex.put',
      'source.transaction',
      ...NODES,
      'lineage.dependents',
      ...MARKING,
      'workIndex.remove',
    ],
    outbox: 0,
  },
  'kck watch': {
    begin: ({ kck, source: outbox }, { source }) => {
      source.set(1)
      return drain({ kck, source: outbox }, signal)
    },
    goOn: ({ survivor, source }) => drain({ kck: survivor, source }, signal),
    steps: [
      'source.query',
      ...NODES,
      'workIndex.put',
      ...MARKING,
      'workIndex.remove',
      ...['source.query', 'source.query'],
    ],
    outbox: 0,
  },
}

/** A process begins, is killed when it is about to take that step, and the others go on. */
async function killedAt(path: Path, step: number) {
  const around = world()
  const { clock, survivor, source } = around
  await clock.run(survivor.get('double'))
  const doom = new Doomed(step)
  let answered = false
  path.begin(around.doomed(doom), around).then(
    () => {
      answered = true
    },
    (error: unknown) => {
      throw error
    },
  )
  await clock.advance(1_000)
  const begun = [...doom.steps]
  if (!answered) await clock.run(path.goOn(around))
  await around.recover()
  const [number, double] = await clock.run(survivor.fetchMany(['number', 'double']))
  const values = await clock.run(Promise.all([survivor.get('number'), survivor.get('double')]))
  const states = [number, double].map((found) => found && 'state' in found && found.state)
  return { steps: begun, answered, values, states, written: source.value, left: source.outbox.length }
}

describe.each(Object.entries(paths))('%s', (_, path) => {
  test('takes these steps', async () => {
    const { steps, answered, values } = await killedAt(path, Number.POSITIVE_INFINITY)
    expect({ steps, answered, values }).toEqual({ steps: path.steps, answered: true, values: [1, 2] })
  })

  test.each(path.steps.map((name, step) => [step, name] as const))(
    'killed before step %i, %s: nothing is lost',
    async (step) => {
      const { answered, values, states, written, left } = await killedAt(path, step)
      expect(answered).toBe(false)
      expect({ values, states, left }).toEqual({
        values: [written, 2 * written],
        states: ['fresh', 'fresh'],
        left: path.outbox,
      })
    },
  )
})
