import middy from '@middy/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { beforeFreeze } from '../../../functions/before-freeze.ts'
import { measureQueue, writeMetrics } from '../../../functions/metrics.ts'
import { emit } from '../../../src/events.ts'
import { contextOf } from '../../support/sqs/event.ts'

const lines: string[] = []

beforeEach(() => {
  lines.length = 0
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text))
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

const metrics = () =>
  lines
    .filter((line) => line.includes('"_aws"'))
    .map((line) => {
      const { _aws, ...values } = JSON.parse(line)
      return values
    })

const fault = (where: string) => emit({ type: 'fault', where, error: new Error('x') })

test('an invocation that fails is counted too, with what goes wrong before the freeze', async () => {
  const handler = middy<unknown, void>()
    .use(writeMetrics)
    .use(beforeFreeze(() => Promise.reject(new Error('no runtime'))))
    .handler(async () => {
      fault('in the handler')
      throw new Error('failed')
    })
  await expect(handler({}, contextOf())).rejects.toThrow('failed')
  expect(metrics()).toEqual([{ service: 'kck', Faults: 2 }])
})

test('the depth of the queues is measured before the metrics are written', async () => {
  const depth = async () => ({ hot: 0, normal: 2, idle: 0 })
  const handler = middy<unknown, void>()
    .use(writeMetrics)
    .use(measureQueue(async () => ({ depth })))
    .handler(async () => {})
  await handler({}, contextOf())
  expect(metrics().map(({ lane, QueueDepth }) => [lane, QueueDepth])).toEqual([
    ['hot', 0],
    ['normal', 2],
    ['idle', 0],
  ])
})

test('queues that cannot be measured fail no invocation', async () => {
  const handler = middy<unknown, string>()
    .use(writeMetrics)
    .use(measureQueue(() => Promise.reject(new Error('no queue'))))
    .handler(async () => 'done')
  expect(await handler({}, contextOf())).toBe('done')
  expect(metrics()).toEqual([{ service: 'kck', Faults: 1 }])
})
