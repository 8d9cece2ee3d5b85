/** Time and chance, passed in so that tests and the simulator decide both. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with `signal.reason` when the signal aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Entropy {
  /** A new unique id, 16 characters of `[0-9A-Za-z_-]`: operation ids, lease tokens, body ids. */
  id(): string
  /** A number in [0, 1): jitter and sampling. */
  random(): number
}
