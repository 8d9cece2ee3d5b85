import type { RefreshQueue } from '../ports/refresh-queue.ts'
import { currentOrigin, inSpan } from './trace.ts'

/** The same queue, whose messages say which request they come from. */
export function carryOrigin(queue: RefreshQueue): RefreshQueue {
  return {
    send: (lane, requests, options) =>
      inSpan('kck send', { kind: 'producer', attributes: { 'kck.lane': lane, 'kck.count': requests.length } }, () => {
        const origin = currentOrigin()
        if (origin === undefined) return queue.send(lane, requests, options)
        const carrying = requests.map((request) => (request.origin ? request : { ...request, origin }))
        return queue.send(lane, carrying, options)
      }),
    receive: (lane, max, options) => queue.receive(lane, max, options),
    depth: () => queue.depth(),
    close: () => queue.close(),
  }
}
