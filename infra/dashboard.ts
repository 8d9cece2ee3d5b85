import { aws_cloudwatch as cloudwatch, Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { KckMetrics } from './metrics.ts'
import { LANES } from './queues.ts'

export interface KckDashboardProps {
  /** The deployment's. */
  readonly name: string
  readonly metrics: KckMetrics
  readonly alarms: readonly cloudwatch.IAlarm[]
}

const PERIOD = Duration.minutes(1)
const WIDTH = 8

/** From what readers see, over what computes, down to what it runs on. */
export class KckDashboard extends Construct {
  constructor(scope: Construct, id: string, { name, metrics, alarms }: KckDashboardProps) {
    super(scope, id)
    const graph = (title: string, left: readonly cloudwatch.IMetric[], leftYAxis: cloudwatch.YAxisProps = { min: 0 }) =>
      new cloudwatch.GraphWidget({ title, left: [...left], leftYAxis, width: WIDTH, height: 6 })
    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: name,
      defaultInterval: Duration.hours(3),
      widgets: [
        [new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 3 * WIDTH, height: 3 })],
        readers(graph, metrics),
        computing(graph, metrics),
        machines(graph, metrics),
      ],
    })
  }
}

type Graph = (title: string, left: readonly cloudwatch.IMetric[], axis?: cloudwatch.YAxisProps) => cloudwatch.IWidget

function readers(graph: Graph, { own, api }: KckMetrics): cloudwatch.IWidget[] {
  const [hits, stale, misses] = [
    own('Hits', 'Sum', PERIOD),
    own('StaleHits', 'Sum', PERIOD),
    own('Misses', 'Sum', PERIOD),
  ]
  const ratio = new cloudwatch.MathExpression({
    label: 'served from the cache (%)',
    expression: '100 * (FILL(hits, 0) + FILL(stale, 0)) / (FILL(hits, 0) + FILL(stale, 0) + FILL(misses, 0))',
    usingMetrics: { hits, stale, misses },
    period: PERIOD,
  })
  return [
    graph('Served from the cache', [ratio], { min: 0, max: 100 }),
    graph('Age served (ms)', [own('AgeServed', 'p50', PERIOD), own('AgeServed', 'p99', PERIOD)]),
    graph('Requests', [api('Count', 'Sum', PERIOD), api('4xx', 'Sum', PERIOD), api('5xx', 'Sum', PERIOD)]),
  ]
}

function computing(graph: Graph, { own, deadLetters }: KckMetrics): cloudwatch.IWidget[] {
  return [
    graph('Refresh lag (ms)', [own('RefreshLag', 'p50', PERIOD), own('RefreshLag', 'p90', PERIOD)]),
    graph('Waiting, by lane', [
      ...LANES.map((lane) => own('QueueDepth', 'Maximum', PERIOD, { lane })),
      deadLetters(PERIOD),
    ]),
    graph('Computes', [
      own('Computes', 'Sum', PERIOD),
      own('ComputeFailures', 'Sum', PERIOD),
      own('Faults', 'Sum', PERIOD),
    ]),
    graph('Waiting for the budget of a source (ms)', [own('BudgetWait', 'p90', PERIOD)]),
    graph('Throttled', [own('Throttles', 'Sum', PERIOD)]),
  ]
}

function machines(graph: Graph, { functions, api, database }: KckMetrics): cloudwatch.IWidget[] {
  const each = (metric: string, statistic: string) =>
    functions.names.map((fn) => functions.one(fn, metric, PERIOD, statistic))
  return [
    graph('Answers of the API (ms)', [api('Latency', 'p50', PERIOD), api('Latency', 'p99', PERIOD)]),
    graph('Functions: duration (ms, p99)', each('Duration', 'p99')),
    graph('Functions: at a time', each('ConcurrentExecutions', 'Maximum')),
    graph('Functions: errors', each('Errors', 'Sum')),
    ...(database === null
      ? []
      : [graph('Aurora: capacity (ACU)', [database('ServerlessDatabaseCapacity', 'Maximum', PERIOD)])]),
  ]
}
