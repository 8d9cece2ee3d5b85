import middy from '@middy/core'
import type { Clock } from '../src/ports/clock.ts'
import type { ProcessWorker } from '../src/process/process-worker.ts'
import { beforeItEnds } from './before-it-ends.ts'

export interface Processes {
  readonly worker: Pick<ProcessWorker, 'tick'>
  readonly clock: Clock
}

/** A function behind the schedules of EventBridge. Each says which job may be due; without a name, any may be. */
export function createTickHandler(system: () => Promise<Processes>) {
  return middy<{ readonly job?: unknown } | undefined, void>().handler(async (event, context) => {
    const { worker, clock } = await system()
    await beforeItEnds(context, clock, (signal) => worker.tick(signal, jobOf(event)))
  })
}

function jobOf(event: { readonly job?: unknown } | undefined): string | undefined {
  return typeof event?.job === 'string' ? event.job : undefined
}
