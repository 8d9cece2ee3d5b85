import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { createSqsRefreshQueue } from '../../src/adapters/sqs/refresh-queue.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { queueOptions, startSqs } from '../support/sqs/server.ts'
import { refreshQueueConformance } from './refresh-queue.ts'

const server = await startSqs()
afterAll(() => server.close())

refreshQueueConformance('sqs', async () => {
  const options = { ...queueOptions(server, await server.createLanes()), clock: systemClock }
  const queue = createSqsRefreshQueue(options)
  return { queue, another: async () => createSqsRefreshQueue(options), advance: sleep, close: () => queue.close() }
})
