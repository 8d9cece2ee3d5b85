import type { Context, SQSEvent } from 'aws-lambda'
import { expect, test } from 'vitest'
import { createChangeHandler } from '../../../functions/change-handler.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

const context = { getRemainingTimeInMillis: () => 60_000 } as Context

function setUp() {
  let computes = 0
  const price = testPrimer({
    name: 'price',
    tags: ['prices'],
    compute: () => {
      computes += 1
      return computes
    },
  })
  const { kck, clock } = testKck([price])
  const handler = createChangeHandler(async () => ({ kck, clock }))
  const call = (event: unknown) => clock.run(handler(event as SQSEvent, context))
  const state = async () => (await clock.run(kck.fetch('price/1'))).state
  const freshen = () => clock.run(kck.get('price/1', { maxStaleMs: 0 }))
  return { call, state, freshen, computes: () => computes }
}

const batch = (...bodies: string[]) => ({
  Records: bodies.map((body, index) => ({ messageId: `m${index}`, body })),
})
const busEvent = (detail: unknown, id = 'e1') => ({ id, 'detail-type': 'kck.changed', source: 'shop', detail })

test('messages mark what changed; those that cannot be understood fail alone', async () => {
  const { call, state, freshen } = setUp()
  await freshen()
  const answer = await call(
    batch('{"tags":["prices"]}', '{', '[]', '{"tag":"prices"}', '{"keys":["nothing/1"]}', '"x"'),
  )
  expect(answer).toEqual({
    batchItemFailures: ['m1', 'm2', 'm3', 'm4', 'm5'].map((itemIdentifier) => ({ itemIdentifier })),
  })
  expect(await state()).toBe('stale')
})

test('a message that comes again, and an event in two messages, mark once', async () => {
  const { call, state, freshen, computes } = setUp()
  await freshen()
  await call(batch('{"tags":["prices"]}'))
  await freshen()
  await call(batch('{"tags":["prices"]}'))
  expect(await state()).toBe('fresh')
  await call(busEvent({ tags: ['prices'] }))
  expect(await state()).toBe('stale')
  await freshen()
  expect(await call(batch(JSON.stringify(busEvent({ tags: ['prices'] }))))).toEqual({ batchItemFailures: [] })
  expect(await state()).toBe('fresh')
  await call(batch(JSON.stringify(busEvent({ tags: ['prices'] }, 'e2'))))
  expect(await state()).toBe('stale')
  expect(computes()).toBe(3)
})

test('an event that cannot be understood, and anything else, is an error', async () => {
  const { call } = setUp()
  await expect(call(busEvent({ tags: [] }))).rejects.toMatchObject({ code: 'INVALID_BODY' })
  await expect(call({ hello: 1 })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
})
