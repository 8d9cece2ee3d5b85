import type { Delivery, Lane, RefreshQueue, RefreshRequest } from '../ports/refresh-queue.ts'
import type { Link } from './link.ts'

/** A queue behind a link, whose messages get lost, duplicated and late on their own. */
export function faultyQueue(queue: RefreshQueue, link: Link): RefreshQueue {
  const put = async (lane: Lane, request: RefreshRequest, delayMs: number) => {
    const { lost, duplicated, delayed, delayMs: late } = link.plan.messages
    if (link.happens(lost)) return
    const copies = link.happens(duplicated) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      await queue.send(lane, [request], { delayMs: delayMs + (link.happens(delayed) ? link.between(late) : 0) })
    }
  }
  return {
    send: (lane, requests, options) =>
      link.call(
        async () => {
          for (const request of requests) await put(lane, request, options?.delayMs ?? 0)
        },
        { signal: options?.signal },
      ),
    receive: async (lane, max, options) => {
      const deliveries = await link.call(() => queue.receive(lane, max, options), { signal: options.signal })
      return deliveries.map((delivery) => behind(link, delivery))
    },
    depth: () => link.call(() => queue.depth()),
    close: () => queue.close(),
  }
}

function behind(link: Link, delivery: Delivery): Delivery {
  return {
    request: delivery.request,
    lane: delivery.lane,
    attempt: delivery.attempt,
    ack: () => link.call(() => delivery.ack()),
    nack: (delayMs) => link.call(() => delivery.nack(delayMs)),
    extend: (ms) => link.call(() => delivery.extend(ms)),
  }
}
