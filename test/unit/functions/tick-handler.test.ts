import { expect, test } from 'vitest'
import { createTickHandler } from '../../../functions/tick-handler.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { contextOf } from '../../support/sqs/event.ts'

test('an event runs what is due; what takes too long is told to stop before the function ends', async () => {
  const clock = new VirtualClock()
  const startedAt = clock.now()
  const stopped: number[] = []
  const worker = {
    tick: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          stopped.push(clock.now() - startedAt)
          resolve()
        })
      }),
  }
  const handler = createTickHandler(async () => ({ worker, clock }))
  await clock.run(handler({}, contextOf(60_000)))
  expect(stopped).toEqual([57_000])
})

test('a start that fails fails the event', async () => {
  const handler = createTickHandler(() => Promise.reject(new Error('no settings')))
  await expect(handler({}, contextOf(60_000))).rejects.toThrow('no settings')
})

test.each([
  [{ job: 'primer/orders' }, 'primer/orders'],
  [{}, undefined],
  [{ job: 7 }, undefined],
  [undefined, undefined],
])('the schedule that sent %j wakes the worker for %j', async (event, expected) => {
  const clock = new VirtualClock()
  const asked: unknown[] = []
  const worker = { tick: async (_signal: AbortSignal, only?: string) => void asked.push(only) }
  await clock.run(createTickHandler(async () => ({ worker, clock }))(event, contextOf(60_000)))
  expect(asked).toEqual([expected])
})
