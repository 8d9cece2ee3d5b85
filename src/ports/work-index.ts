import type { CallOptions } from './entry-store.ts'

/**
 * The small index of work that is owed, so that a sweep never reads the entries: dirty keys waiting for a refresh, and
 * intents (writes or propagations that began and have not ended). Items lie in buckets of one minute and 16 shards and
 * vanish by themselves after a day.
 */
export interface WorkItem {
  readonly kind: 'refresh' | 'intent'
  /** Unique per owed work; for `refresh` the key. */
  readonly id: string
  /** Milliseconds; decides the bucket. */
  readonly at: number
  /** JSON text, for `intent` what is needed to finish the work. */
  readonly payload: string
}

export interface WorkIndex {
  put(items: readonly WorkItem[], options?: CallOptions): Promise<void>
  remove(items: readonly Pick<WorkItem, 'kind' | 'id' | 'at'>[], options?: CallOptions): Promise<void>
  /** Items whose `at` lies in the minute that contains `minute` (milliseconds), a page at a time. */
  list(
    kind: WorkItem['kind'],
    minute: number,
    page: { readonly limit: number; readonly after?: string },
    options?: CallOptions,
  ): Promise<{ readonly items: readonly WorkItem[]; readonly next?: string }>
}
