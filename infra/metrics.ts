import { aws_cloudwatch as cloudwatch, type Duration } from 'aws-cdk-lib'
// Those who write metrics and those who watch them read their names in the same place.
// biome-ignore lint/style/noRestrictedImports: see above.
import { LANE, type MetricName, NAMESPACE, SERVICE } from '../src/metrics/names.ts'
import type { FunctionName, KckFunctions } from './functions.ts'
import type { KckQueues, Lane } from './queues.ts'

export interface MetricsOf {
  /** The deployment's. */
  readonly name: string
  readonly apiId: string
  readonly functions: KckFunctions
  readonly queues: KckQueues
  /** Null: the databases are others'. */
  readonly clusterIdentifier: string | null
}

export type KckMetrics = ReturnType<typeof metricsOf>

/** Everything that the alarms and the dashboard look at. */
export function metricsOf({ name, apiId, functions, queues, clusterIdentifier }: MetricsOf) {
  const { all } = functions
  const one = (fn: FunctionName, metric: string, period: Duration, statistic = 'Sum') =>
    all[fn].metric(metric, { period, statistic, label: fn })
  return {
    own: (metricName: MetricName, statistic: string, period: Duration, more: { readonly lane?: Lane } = {}) =>
      new cloudwatch.Metric({
        namespace: NAMESPACE,
        metricName,
        dimensionsMap: { [SERVICE]: name, ...(more.lane ? { [LANE]: more.lane } : {}) },
        statistic,
        period,
        label: more.lane ?? metricName,
      }),
    api: (metricName: string, statistic: string, period: Duration) =>
      new cloudwatch.Metric({
        namespace: 'AWS/ApiGateway',
        metricName,
        dimensionsMap: { ApiId: apiId },
        statistic,
        period,
        label: metricName,
      }),
    functions: {
      one,
      sum: (metric: string, period: Duration) =>
        sumOf(
          Object.keys(all).map((fn) => one(fn as FunctionName, metric, period)),
          metric,
          period,
        ),
      names: Object.keys(all) as readonly FunctionName[],
    },
    deadLetters: (period: Duration) =>
      sumOf(
        Object.entries(queues.deadLetters).map(([label, queue]) =>
          queue.metricApproximateNumberOfMessagesVisible({ period, statistic: 'Maximum', label }),
        ),
        'messages in dead-letter queues',
        period,
      ),
    oldest: (lane: Lane, period: Duration) =>
      queues.lanes[lane].metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum', label: lane }),
    database:
      clusterIdentifier === null
        ? null
        : (metricName: string, statistic: string, period: Duration) =>
            new cloudwatch.Metric({
              namespace: 'AWS/RDS',
              metricName,
              dimensionsMap: { DBClusterIdentifier: clusterIdentifier },
              statistic,
              period,
              label: metricName,
            }),
  }
}

function sumOf(metrics: readonly cloudwatch.IMetric[], label: string, period: Duration): cloudwatch.MathExpression {
  const usingMetrics = Object.fromEntries(metrics.map((metric, index) => [`m${index}`, metric]))
  const expression = Object.keys(usingMetrics)
    .map((id) => `FILL(${id}, 0)`)
    .join(' + ')
  return new cloudwatch.MathExpression({ expression, usingMetrics, label, period })
}
