import { createMemoryRefreshQueue } from '../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../src/adapters/memory/store.ts'
import { KckError } from '../../src/errors.ts'
import { type KckEvent, subscribe } from '../../src/events.ts'
import { createKck, type KckDeps } from '../../src/kck/create-kck.ts'
import { checkParameters, formatKey, formatParameters, parseParameters, splitKey } from '../../src/key/key.ts'
import { string } from '../../src/key/string-types.ts'
import type { AnyPrimer } from '../../src/primer/definition.ts'
import type { ProductKey, Registry } from '../../src/primer/registry.ts'
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../src/testing/virtual-clock.ts'

/** A primer with one text parameter `id` and nothing else, but for what the test says. */
export function testPrimer(primer: Partial<AnyPrimer> & Pick<AnyPrimer, 'name' | 'compute'>): AnyPrimer {
  return {
    kind: 'primer',
    description: null,
    parameters: { id: string() },
    source: null,
    statement: null,
    result: { as: 'dicts', jsonpathFirst: null },
    augment: null,
    softTtlMs: null,
    hardTtlMs: null,
    primeOnMiss: null,
    timeoutMs: null,
    access: null,
    afterUpdates: [],
    afterPrimes: [],
    tags: [],
    schedule: null,
    atBoot: false,
    idleAfterMs: null,
    debounceMs: null,
    maxDelayMs: null,
    replicate: false,
    hooks: {},
    revision: 'r1',
    file: null,
    ...primer,
  }
}

export function testRegistry(primers: readonly AnyPrimer[]): Registry {
  const byName = new Map(primers.map((primer) => [primer.name, primer]))
  const product = (primer: AnyPrimer, parameters: Readonly<Record<string, unknown>>): ProductKey => ({
    text: formatKey(primer.name, formatParameters(primer.parameters, parameters)),
    primer,
    parameters,
  })
  return {
    primers: byName,
    updaters: new Map(),
    parseKey(text) {
      const { name, segments } = splitKey(text)
      const primer = byName.get(name)
      if (!primer) throw new KckError('UNKNOWN_PRODUCT', `There is no product ${name}`)
      return product(primer, parseParameters(name, primer.parameters, segments))
    },
    keyOf: (primer, parameters) => product(primer, checkParameters(primer.name, primer.parameters, parameters)),
    parseUpdaterKey(text) {
      throw new KckError('UNKNOWN_UPDATER', `There is no updater ${text}`)
    },
    changedBy: () => [],
    primedBy: () => [],
    declaresReaders: () => false,
  }
}

/** A whole KCK in memory with a clock of its own; several may share `store` and `clock`, as processes do. */
export function testKck(primers: readonly AnyPrimer[], given: Partial<KckDeps> & { readonly seed?: number } = {}) {
  const clock = (given.clock as VirtualClock | undefined) ?? new VirtualClock()
  const entropy = given.entropy ?? new SeededEntropy(given.seed ?? 1)
  const store = given.store ?? openMemoryStore({ clock })
  const queue = given.queue ?? createMemoryRefreshQueue({ clock, entropy })
  const kck = createKck({
    registry: testRegistry(primers),
    sources: new Map(),
    ...given,
    store,
    queue,
    clock,
    entropy,
    options: { nearCacheBytes: 0, ...given.options },
  })
  return { kck, clock, store, queue, entropy }
}

/** Everything that happens while `work` runs. */
export async function recordEvents(work: () => Promise<unknown>): Promise<readonly KckEvent[]> {
  const events: KckEvent[] = []
  const stop = subscribe((event) => events.push(event))
  try {
    await work()
  } finally {
    stop()
  }
  return events
}
