import { expect, test } from 'vitest'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import type { ComputeContext } from '../../../src/primer/definition.ts'
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

type Parameters = Readonly<Record<string, unknown>>

/**
 * Marking takes a second per step, and workers refresh at once: what is reached by a short way is fresh again before
 * the change has come the long way.
 */
async function settled(compute: Record<string, (context: ComputeContext, id: string) => unknown>, read: string) {
  const clock = new VirtualClock()
  const fast = openMemoryStore({ clock })
  const dependents: typeof fast.lineage.dependents = async (...call) => {
    await clock.sleep(1_000)
    return fast.lineage.dependents(...call)
  }
  const primers = Object.entries(compute).map(([name, make]) =>
    testPrimer({
      name,
      tags: name === 'source' ? ['source'] : [],
      compute: (context: ComputeContext, { id }: Parameters) => make(context, String(id)),
    }),
  )
  const { kck, queue } = testKck(primers, { clock, store: { ...fast, lineage: { ...fast.lineage, dependents } } })
  await clock.run(kck.fetch(read))
  return {
    async change() {
      const stop = new AbortController()
      const work = new RefreshWorker({ queue, work: kck.work, clock }).run(stop.signal)
      await clock.run(kck.invalidateTags(['source']))
      await clock.advance(5_000)
      stop.abort()
      await clock.run(work)
      const cached = await clock.run(kck.fetch(read, { onlyIfCached: true }))
      return [cached.state, await clock.run(kck.get(read, { onlyIfCached: true }))]
    },
  }
}

test('what is marked a second time is asked for a second time', async () => {
  const source = { value: 1 }
  const { change } = await settled(
    {
      source: () => source.value,
      middle: ({ get }, id) => get(`source/${id}`),
      above: async ({ get }, id) => [await get(`source/${id}`), await get(`middle/${id}`)],
    },
    'above/1',
  )
  source.value = 2
  expect(await change()).toEqual(['fresh', [2, 2]])
})

test('what changes a second time is carried on a second time', async () => {
  const source = { value: 1 }
  const { change } = await settled(
    {
      source: () => source.value,
      one: ({ get }, id) => get(`source/${id}`),
      two: ({ get }, id) => get(`one/${id}`),
      three: ({ get }, id) => get(`two/${id}`),
      // Reads what changed itself, and, where no version tells, what rests on it in the end.
      wide: async ({ get, tag }, id) => {
        await tag('source')
        return [source.value, await get(`three/${id}`)]
      },
      tip: ({ get }, id) => get(`wide/${id}`),
    },
    'tip/1',
  )
  source.value = 2
  expect(await change()).toEqual(['fresh', [2, 2]])
})

test('a change of what a first compute reads itself is not taken for one further up', async () => {
  const clock = new VirtualClock()
  const source = { value: 1 }
  const leaf = testPrimer({ name: 'leaf', compute: () => 'leaf' })
  const above = testPrimer({
    name: 'above',
    tags: ['source'],
    compute: async ({ get, signal }, { id }) => {
      const { value } = source
      await get(`leaf/${id}`)
      await clock.sleep(8_000, signal)
      return value
    },
  })
  const { kck } = testKck([leaf, above], { clock })
  const first = kck.fetch('above/1')
  await clock.advance(1_000)
  source.value = 2
  await clock.run(kck.invalidateTags(['source']))
  // Each is noticed by another renewal of the lease.
  await clock.advance(4_000)
  await clock.run(kck.invalidate('leaf/1'))
  await clock.run(first)
  expect(await clock.run(kck.get('above/1', { maxStaleMs: 0, deadline: clock.now() + 60_000 }))).toBe(2)
})
