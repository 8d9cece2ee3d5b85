/** How badly a process is connected to everything else. Chances in [0, 1], times in virtual milliseconds, `[least, most]`. */
export interface FaultPlan {
  /** One way. */
  readonly latencyMs: readonly [number, number]
  /** Of a way, that it takes `slowMs` instead. */
  readonly slow: number
  readonly slowMs: readonly [number, number]
  /** Of a call, that its request never arrives: nothing happens, and the caller hears of a failure after `timeoutMs`. */
  readonly lostRequest: number
  /** Of a call, that its answer never arrives: it happened, and the caller hears of a failure after `timeoutMs`. */
  readonly lostAnswer: number
  /** Of a lost request, that it arrives after all, `lateMs` after it was sent. */
  readonly late: number
  /** Of a call that changes something, that it happens once more, `lateMs` after it was sent. */
  readonly repeated: number
  readonly lateMs: readonly [number, number]
  readonly timeoutMs: number
  readonly messages: MessageFaults
}

/** What befalls refresh requests on their way through the queue. */
export interface MessageFaults {
  readonly lost: number
  readonly duplicated: number
  /** Of a message, that it becomes visible `delayMs` later, and so after others that were sent after it. */
  readonly delayed: number
  readonly delayMs: readonly [number, number]
}

/** Everything arrives, after a moment. */
export const CALM: FaultPlan = {
  latencyMs: [1, 5],
  slow: 0,
  slowMs: [0, 0],
  lostRequest: 0,
  lostAnswer: 0,
  late: 0,
  repeated: 0,
  lateMs: [0, 0],
  timeoutMs: 1_500,
  messages: { lost: 0, duplicated: 0, delayed: 0, delayMs: [0, 0] },
}

/** More goes wrong in a minute than in a year. */
export const STORMY: FaultPlan = {
  latencyMs: [1, 20],
  slow: 0.02,
  slowMs: [200, 3_000],
  lostRequest: 0.001,
  lostAnswer: 0.003,
  late: 0.5,
  repeated: 0.03,
  lateMs: [100, 8_000],
  timeoutMs: 1_500,
  messages: { lost: 0.05, duplicated: 0.1, delayed: 0.2, delayMs: [100, 20_000] },
}
