import type { Clock, Entropy } from '../../ports/clock.ts'
import type { Delivery, Lane, RefreshQueue, RefreshRequest } from '../../ports/refresh-queue.ts'
import { SortedMap } from './sorted-map.ts'

interface Message {
  readonly request: RefreshRequest
  readonly lane: Lane
  readonly sequence: number
  readonly visibleAt: number
  readonly attempt: number
  /** Changes with every delivery: who holds an old one has lost the message. */
  readonly receipt: string
}

interface Waiting {
  /** Messages by `place`, so that the first one is the one that has been due the longest. */
  readonly messages: SortedMap<Message>
  /** Ends the sleep of receivers when something changes. */
  readonly wake: Set<() => void>
}

/** Why a receiver's sleep ended. Made once: a new error for each would cost more than the sleep. */
const WOKEN = new Error('Woken')

/** A queue in this process's memory: due messages in the order in which they became due. */
export function createMemoryRefreshQueue(options: { readonly clock: Clock; readonly entropy: Entropy }): RefreshQueue {
  const { clock, entropy } = options
  const lanes: Record<Lane, Waiting> = { hot: emptyLane(), normal: emptyLane(), idle: emptyLane() }
  let sequence = 0
  let closed = false

  const put = (message: Message) => {
    lanes[message.lane].messages.set(place(message), message)
    for (const wake of lanes[message.lane].wake) wake()
  }

  const take = (lane: Lane, max: number, visibilityMs: number): Delivery[] => {
    const { messages } = lanes[lane]
    const due: Message[] = []
    for (const [, message] of messages.above(undefined)) {
      if (due.length === max || message.visibleAt > clock.now()) break
      due.push(message)
    }
    return due.map((message) => {
      messages.delete(place(message))
      const attempt = message.attempt + 1
      return deliver({ ...message, attempt, visibleAt: clock.now() + visibilityMs, receipt: entropy.id() })
    })
  }

  const deliver = (taken: Message): Delivery => {
    let held = taken
    put(held)
    const isHeld = () => lanes[held.lane].messages.get(place(held))?.receipt === held.receipt
    const showAgain = async (visibleAt: number) => {
      if (!isHeld()) return
      lanes[held.lane].messages.delete(place(held))
      held = { ...held, visibleAt }
      put(held)
    }
    return {
      request: held.request,
      lane: held.lane,
      attempt: held.attempt,
      ack: async () => {
        if (isHeld()) lanes[held.lane].messages.delete(place(held))
      },
      nack: (delayMs) => showAgain(clock.now() + delayMs),
      extend: (ms) => showAgain(clock.now() + ms),
    }
  }

  /** Until a message is due, something changes in the lane, or `until`. */
  const wait = async (lane: Lane, until: number, signal: AbortSignal | undefined) => {
    const { messages, wake } = lanes[lane]
    const woken = new AbortController()
    const end = () => woken.abort(WOKEN)
    wake.add(end)
    try {
      const [first] = messages.above(undefined)
      const ms = Math.min(until, first?.[1].visibleAt ?? until) - clock.now()
      await clock.sleep(ms, signal ? AbortSignal.any([signal, woken.signal]) : woken.signal)
    } catch (error) {
      signal?.throwIfAborted()
      if (!woken.signal.aborted) throw error
    } finally {
      wake.delete(end)
    }
  }

  return {
    async send(lane, requests, options = {}) {
      options.signal?.throwIfAborted()
      const visibleAt = clock.now() + (options.delayMs ?? 0)
      for (const request of requests) {
        put({ request: structuredClone(request), lane, sequence: sequence++, visibleAt, attempt: 0, receipt: '' })
      }
    },
    async receive(lane, max, { waitMs, visibilityMs, signal }) {
      const until = clock.now() + waitMs
      while (!closed) {
        signal?.throwIfAborted()
        const deliveries = take(lane, max, visibilityMs)
        if (deliveries.length > 0 || clock.now() >= until) return deliveries
        await wait(lane, until, signal)
      }
      return []
    },
    async depth() {
      return { hot: lanes.hot.messages.size, normal: lanes.normal.messages.size, idle: lanes.idle.messages.size }
    },
    async close() {
      closed = true
      for (const lane of Object.values(lanes)) for (const wake of lane.wake) wake()
    },
  }
}

function emptyLane(): Waiting {
  return { messages: new SortedMap(), wake: new Set() }
}

function place(message: Message): string {
  return `${String(Math.ceil(message.visibleAt)).padStart(16, '0')}/${String(message.sequence).padStart(12, '0')}`
}
