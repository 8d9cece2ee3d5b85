import type { MiddlewareObj } from '@middy/core'
import { emit, subscribe } from '../src/events.ts'
import { MetricsCollector } from '../src/metrics/collector.ts'
import type { RefreshQueue } from '../src/ports/refresh-queue.ts'

const metrics = new MetricsCollector(process.env['KCK_SERVICE'] || 'kck')
subscribe((event) => metrics.record(event))

/** One line with the metrics of an invocation, before its answer: CloudWatch counts them from the log, without a call. */
export const writeMetrics: MiddlewareObj = { after: write, onError: write }

function write(): void {
  for (const line of metrics.flush(Date.now())) process.stdout.write(`${line}\n`)
}

/** What waits in the queues, measured by what runs every minute. */
export function measureQueue(queue: () => Promise<Pick<RefreshQueue, 'depth'>>): MiddlewareObj {
  return {
    async after() {
      try {
        metrics.depth(await (await queue()).depth())
      } catch (error) {
        emit({ type: 'fault', where: 'measuring the queues', error })
      }
    },
  }
}
