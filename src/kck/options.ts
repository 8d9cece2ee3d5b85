import type { Compression } from '../entry/body.ts'
import type { WriteLimits } from '../write/api.ts'

/** What a deployment decides for all primers; a primer's own setting comes before, a call's before that. */
export interface KckOptions {
  /** Compute what is missing when it is asked for. @default true */
  readonly primeOnMiss: boolean
  /** Milliseconds a request may take when it names no deadline. @default 10_000 */
  readonly deadlineMs: number
  /** Milliseconds a compute may take when its primer says nothing. @default 300_000 */
  readonly computeTimeoutMs: number
  /** Milliseconds a lease lasts without being renewed: how long the key of a killed process waits. @default 10_000 */
  readonly leaseMs: number
  /** Bytes of a value's JSON text. @default 64 MiB */
  readonly maxValueBytes: number
  /** @default 'zstd' */
  readonly compression: Compression
  /** Bytes of the in-process near cache; 0 switches it off. @default 64 MiB */
  readonly nearCacheBytes: number
  /** Milliseconds for which the near cache answers without asking the store. @default 1_000 */
  readonly nearCacheMaxAgeMs: number
  /** Milliseconds for which a replica answers without hearing from its log. @default 5_000 */
  readonly replicaMaxAgeMs: number
  /** Share of augments that are compared with a full recompute. @default 0.01 */
  readonly augmentSampling: number
  readonly retry: RetryOptions
  /** How many cached writes may wait. */
  readonly writes: WriteLimits
}

export interface RetryOptions {
  /** Milliseconds before the first retry of a failed compute; doubles each time. @default 1_000 */
  readonly firstMs: number
  /** The longest wait. @default 300_000 */
  readonly maxMs: number
  /** Failures in a row after which a key is parked until it changes or somebody retries. @default 10 */
  readonly parkAfter: number
}

export const DEFAULT_OPTIONS: KckOptions = {
  primeOnMiss: true,
  deadlineMs: 10_000,
  computeTimeoutMs: 300_000,
  leaseMs: 10_000,
  maxValueBytes: 64 * 1024 * 1024,
  compression: 'zstd',
  nearCacheBytes: 64 * 1024 * 1024,
  nearCacheMaxAgeMs: 1_000,
  replicaMaxAgeMs: 5_000,
  augmentSampling: 0.01,
  retry: { firstMs: 1_000, maxMs: 300_000, parkAfter: 10 },
  writes: { maxWaiting: 10_000, maxWaitingBytes: 16 * 1024 * 1024, maxWriteBytes: 64 * 1024 },
}
