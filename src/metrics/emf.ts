import { LANE, METRICS, type MetricName, NAMESPACE, SERVICE } from './names.ts'

/** CloudWatch takes no more values of a metric in one line. */
const VALUES_PER_LINE = 100

export interface LineOf {
  readonly service: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly lane?: string
}

/**
 * Metrics in CloudWatch's embedded metric format: lines of the log that it counts, without a call. Usually one; none for
 * no values.
 */
export function emfLine(
  { service, at, lane }: LineOf,
  values: ReadonlyMap<MetricName, number | readonly number[]>,
): string[] {
  const lines: string[] = []
  const dimensions = lane === undefined ? { [SERVICE]: service } : { [SERVICE]: service, [LANE]: lane }
  for (let from = 0; ; from += VALUES_PER_LINE) {
    const part = [...values]
      .map(([name, value]) => [name, partOf(value, from)] as const)
      .filter(([, some]) => some.length > 0)
    if (part.length === 0) return lines
    const metrics = part.map(([name]) => ({ Name: name, Unit: METRICS[name].unit }))
    const directive = { Namespace: NAMESPACE, Dimensions: [Object.keys(dimensions)], Metrics: metrics }
    const members = part.map(([name, some]) => [name, some.length === 1 ? some[0] : some] as const)
    const metadata = { Timestamp: at, CloudWatchMetrics: [directive] }
    lines.push(JSON.stringify({ _aws: metadata, ...dimensions, ...Object.fromEntries(members) }))
  }
}

/** A count stands in the first line only. */
function partOf(value: number | readonly number[], from: number): readonly number[] {
  if (typeof value === 'number') return from === 0 ? [value] : []
  return value.slice(from, from + VALUES_PER_LINE)
}
