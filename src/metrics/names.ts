/** The metrics of KCK, in one place: what writes them, the alarms and the dashboard all read it here. */
export const NAMESPACE = 'KCK'

/** The dimension of all metrics: the deployment's name. */
export const SERVICE = 'service'
/** A second dimension of `QueueDepth`: `hot`, `normal` or `idle`. */
export const LANE = 'lane'

export type Unit = 'Count' | 'Milliseconds'

export interface Metric {
  readonly unit: Unit
  readonly meaning: string
  /** Also told apart by lane. */
  readonly byLane?: true
}

const count = (meaning: string): Metric => ({ unit: 'Count', meaning })
const milliseconds = (meaning: string): Metric => ({ unit: 'Milliseconds', meaning })

export const METRICS = {
  Hits: count('Fetches answered with a fresh value that was there.'),
  StaleHits: count('Fetches answered with a stale value, while it is made anew or cannot be.'),
  Misses: count('Fetches that found nothing to answer with.'),
  AgeServed: milliseconds('How long ago the sources of an answer were read, of hits and stale hits.'),
  Computes: count('Values made, by compute or by augment.'),
  ComputeTime: milliseconds('How long that took.'),
  ComputeFailures: count('Computes that failed; the last good value is served meanwhile.'),
  RefreshLag: milliseconds('From when a product became stale until it was fresh again.'),
  Parked: count('Products that failed so often that nobody tries any more, until they change or somebody asks.'),
  QueueLag: milliseconds('From when a refresh was asked for until a worker took it up.'),
  QueueDepth: { ...count('Refreshes that wait, once a minute.'), byLane: true },
  Unreadable: count('Messages that nobody can act on; they end in the dead-letter queue.'),
  BudgetWait: milliseconds('How long a statement waited for its turn at a source.'),
  BudgetRefusals: count('Statements that a source had no room for in time.'),
  Throttles: count('Refusals by the store, a source or a queue because it was asked too much.'),
  Faults: count('What failed and no caller heard of; the log says what.'),
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof METRICS
