import middy from '@middy/core'
import type { Clock } from '../src/ports/clock.ts'
import type { ProcessWorker } from '../src/process/process-worker.ts'
import { beforeItEnds } from './before-it-ends.ts'

export interface Processes {
  readonly worker: Pick<ProcessWorker, 'tick'>
  readonly clock: Clock
}

/** A function behind a schedule of EventBridge; the event says nothing but that a minute has passed. */
export function createTickHandler(system: () => Promise<Processes>) {
  return middy<unknown, void>().handler(async (_event, context) => {
    const { worker, clock } = await system()
    await beforeItEnds(context, clock, (signal) => worker.tick(signal))
  })
}
