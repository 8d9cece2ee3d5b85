import { expect, test } from 'vitest'
import type { PrimerHooks } from '../../../src/primer/definition.ts'
import { recordEvents, testKck, testPrimer } from '../../support/kck.ts'

const NAMES: readonly (keyof PrimerHooks)[] = [
  'beforePrime',
  'afterPrime',
  'beforeSet',
  'afterSet',
  'beforeRefresh',
  'afterRefresh',
  'beforePurge',
  'afterPurge',
]

function withHooks(failing?: keyof PrimerHooks) {
  const calls: string[] = []
  const hooks: PrimerHooks = Object.fromEntries(
    NAMES.map((name) => [
      name,
      ({ key, version }: { key: string; version?: number }) => {
        calls.push(`${name} ${key}${version === undefined ? '' : ' with a version'}`)
        if (name === failing) throw new Error('the hook is broken')
      },
    ]),
  )
  const primer = testPrimer({ name: 'product', hooks, compute: () => 1 })
  return { calls, ...testKck([primer]) }
}

test('hooks run before and after what they are named for', async () => {
  const { calls, clock, kck } = withHooks()
  await clock.run(kck.fetch('product/1'))
  await clock.run(kck.refresh('product/1'))
  await clock.run(kck.set('product/1', 2))
  await clock.run(kck.purge('product/1'))
  expect(calls).toEqual([
    'beforePrime product/1',
    'afterPrime product/1 with a version',
    'beforePrime product/1',
    'beforeRefresh product/1',
    'afterPrime product/1 with a version',
    'afterRefresh product/1 with a version',
    'beforeSet product/1',
    'afterSet product/1 with a version',
    'beforePurge product/1',
    'afterPurge product/1',
  ])
})

test('one that throws before a change stops it, and is reported', async () => {
  const { clock, kck } = withHooks('beforePrime')
  const events = await recordEvents(async () => {
    await expect(clock.run(kck.fetch('product/1'))).rejects.toThrow('The hook beforePrime failed')
  })
  expect(events).toContainEqual(expect.objectContaining({ type: 'fault', where: 'hook beforePrime' }))
})

test('one that throws after a change is reported; what is done stays done', async () => {
  const { clock, kck } = withHooks('afterSet')
  const events = await recordEvents(() => clock.run(kck.set('product/1', 2)))
  expect(events).toContainEqual(expect.objectContaining({ type: 'fault', where: 'hook afterSet' }))
  expect(await clock.run(kck.get('product/1'))).toBe(2)
})
