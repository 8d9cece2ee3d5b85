import type { KckEvent } from '../events.ts'
import type { Lane } from '../ports/refresh-queue.ts'
import { emfLine } from './emf.ts'
import type { MetricName } from './names.ts'

/** Values of one metric between two flushes; what comes after them changes no percentile that anybody looks at. */
const VALUES = 1_000

/** Counts what happens, by no key, product or caller: what it keeps and what it costs do not grow with them. */
export class MetricsCollector {
  readonly #service: string
  readonly #counts = new Map<MetricName, number>()
  readonly #values = new Map<MetricName, number[]>()
  #depths: Readonly<Record<Lane, number>> | null = null

  /** `service` is the deployment's name. */
  constructor(service: string) {
    this.#service = service
  }

  record(event: KckEvent): void {
    switch (event.type) {
      case 'hit':
        this.#count('Hits')
        this.#measure('AgeServed', event.ageMs)
        break
      case 'stale':
        this.#count('StaleHits')
        this.#measure('AgeServed', event.ageMs)
        break
      case 'miss':
        this.#count('Misses')
        break
      case 'refreshed':
        if (event.lagMs !== null) this.#measure('RefreshLag', event.lagMs)
        break
      case 'budget':
        this.#measure('BudgetWait', event.waitedMs)
        if (event.outcome === 'refused') this.#count('BudgetRefusals')
        break
      case 'throttled':
        this.#count('Throttles')
        break
      case 'fault':
        this.#count('Faults')
        break
      default:
        this.#recordWork(event)
    }
  }

  depth(depths: Readonly<Record<Lane, number>>): void {
    this.#depths = depths
  }

  /** What there is since the last flush, as lines for CloudWatch; none when nothing happened. */
  flush(now: number): readonly string[] {
    const line = { service: this.#service, at: now }
    const lines = emfLine(line, new Map<MetricName, number | readonly number[]>([...this.#counts, ...this.#values]))
    for (const [lane, depth] of Object.entries(this.#depths ?? {})) {
      lines.push(...emfLine({ ...line, lane }, new Map([['QueueDepth', depth]])))
    }
    this.#counts.clear()
    this.#values.clear()
    this.#depths = null
    return lines
  }

  #recordWork(event: KckEvent): void {
    if (event.type === 'prime' || (event.type === 'augment' && event.outcome === 'applied')) {
      this.#count('Computes')
      this.#measure('ComputeTime', event.costMs)
    } else if (event.type === 'compute-failed') {
      this.#count('ComputeFailures')
      if (event.retryAt === null) this.#count('Parked')
    } else if (event.type === 'queue') {
      if (event.action === 'unreadable') this.#count('Unreadable')
      if (event.action === 'received' && event.lagMs !== undefined) this.#measure('QueueLag', event.lagMs)
    }
  }

  #count(name: MetricName): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  #measure(name: MetricName, value: number): void {
    const values = this.#values.get(name)
    if (values === undefined) this.#values.set(name, [value])
    else if (values.length < VALUES) values.push(value)
  }
}
