/** Where refresh requests wait. At least once, in no order: the row is the truth, a message only a hint to look at it. */
export type Lane = 'hot' | 'normal' | 'idle'

/** The request of a caller that work goes back to, through all queues and processes. */
export interface Origin {
  readonly requestId?: string
  /** `traceparent` and `tracestate` (W3C), where somebody traces. */
  readonly trace?: Readonly<Record<string, string>>
}

export interface RefreshRequest {
  readonly key: string
  /** Why: `stale-read`, `not-set`, `change`, `schedule`, `warm-up`, `retry`, `manual`. */
  readonly cause: string
  /** Milliseconds; when it was asked for. */
  readonly at: number
  /** What changed upstream, for augment; JSON, small. */
  readonly changes?: readonly unknown[]
  readonly origin?: Origin
}

export interface Delivery {
  readonly request: RefreshRequest
  readonly lane: Lane
  /** How often this message was delivered, from 1. */
  readonly attempt: number
  /** Done: never deliver again. */
  ack(): Promise<void>
  /** Not done: deliver again after `delayMs`. */
  nack(delayMs: number): Promise<void>
  /** Still working: nobody else gets it for `ms` more. */
  extend(ms: number): Promise<void>
}

export interface RefreshQueue {
  send(
    lane: Lane,
    requests: readonly RefreshRequest[],
    options?: { readonly delayMs?: number; readonly signal?: AbortSignal },
  ): Promise<void>
  /** Up to `max` deliveries of one lane, waiting at most `waitMs` for the first. */
  receive(
    lane: Lane,
    max: number,
    options: { readonly waitMs: number; readonly visibilityMs: number; readonly signal?: AbortSignal },
  ): Promise<readonly Delivery[]>
  depth(): Promise<Readonly<Record<Lane, number>>>
  close(): Promise<void>
}
