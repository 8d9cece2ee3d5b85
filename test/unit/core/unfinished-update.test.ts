import { expect, test } from 'vitest'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { KckError } from '../../../src/errors.ts'
import { string } from '../../../src/key/string-types.ts'
import type { Source } from '../../../src/ports/source.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { sweep } from '../../../src/process/sweep.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { updater } from '../../../src/updater/updater.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

test('an update that nobody finished reaches what was first read while it ran', async () => {
  const clock = new VirtualClock()
  const table = { n: 1 }
  const result = () => ({ columns: [{ name: 'n', type: 'int4' }], rows: [[table.n]], rowCount: 1 })
  let meanwhile: () => Promise<unknown> = async () => undefined
  const source: Source = {
    name: 'shop',
    query: async () => result(),
    transaction: async (work) => {
      await meanwhile()
      table.n += 1
      return work({ query: async () => result() })
    },
    describe: async () => [],
    ping: async () => undefined,
    close: async () => undefined,
  }
  const store = openMemoryStore({ clock })
  const faults = { isLineageDown: false }
  const dependents: typeof store.lineage.dependents = (...call) => {
    if (faults.isLineageDown) throw new KckError('STORE_UNAVAILABLE', 'down')
    return store.lineage.dependents(...call)
  }
  const product = testPrimer({
    name: 'product',
    source: 'shop',
    compute: async ({ sql }, { id }) => sql('select n from things where name = :name', { name: String(id) }),
  })
  const write = updater({
    name: 'write',
    key: { name: string() },
    source: 'shop',
    update: 'update things set n = n + 1 where name = :name returning n, name',
  })
  const registry = createRegistry({ primers: [product], updaters: [write] })
  const made = testKck([product], {
    clock,
    registry,
    sources: new Map([['shop', source]]),
    store: { ...store, lineage: { ...store.lineage, dependents } },
  })
  const { kck } = made
  meanwhile = async () => {
    await kck.fetch('product/a')
    faults.isLineageDown = true
  }
  await expect(clock.run(kck.update('write/a', {}))).rejects.toThrow()
  faults.isLineageDown = false
  await clock.advance(120_000)
  await clock.run(sweep({ ...made, registry, resume: kck.work.resume }))
  expect((await clock.run(kck.fetch('product/a', { onlyIfCached: true }))).state).toBe('stale')
})
