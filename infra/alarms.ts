import {
  aws_cloudwatch_actions as actions,
  aws_cloudwatch as cloudwatch,
  Duration,
  type aws_sns as sns,
} from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { KckMetrics } from './metrics.ts'

export interface KckAlarmsProps {
  /** The deployment's. */
  readonly name: string
  readonly metrics: KckMetrics
  readonly topic: sns.ITopic
}

interface Watch {
  /** Of the alarm, behind the deployment's name, and of its section in `docs/runbook.md`. */
  readonly name: string
  readonly says: string
  readonly metric: cloudwatch.IMetric
  /** In alarm when the metric is this or more (`below`: less than this) in each of the last periods. */
  readonly threshold: number
  readonly below?: true
  readonly periods: number
  /** No data: nothing happened, unless it is what the alarm is about. */
  readonly silence?: true
}

/** Each says that somebody has to do something; what, is in `docs/runbook.md` under its name. */
export class KckAlarms extends Construct {
  readonly alarms: readonly cloudwatch.Alarm[]

  constructor(scope: Construct, id: string, { name, metrics, topic }: KckAlarmsProps) {
    super(scope, id)
    const action = new actions.SnsAction(topic)
    this.alarms = watches(metrics).map((watch) => {
      const alarm = new cloudwatch.Alarm(this, watch.name, {
        alarmName: `${name}-${watch.name}`,
        alarmDescription: `${watch.says} See docs/runbook.md, "${watch.name}".`,
        metric: watch.metric,
        threshold: watch.threshold,
        evaluationPeriods: watch.periods,
        datapointsToAlarm: watch.periods,
        comparisonOperator: watch.below
          ? cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
          : cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: watch.silence
          ? cloudwatch.TreatMissingData.BREACHING
          : cloudwatch.TreatMissingData.NOT_BREACHING,
      })
      alarm.addAlarmAction(action)
      alarm.addOkAction(action)
      return alarm
    })
  }
}

const MINUTE = Duration.minutes(1)
const FIVE_MINUTES = Duration.minutes(5)

function watches(metrics: KckMetrics): readonly Watch[] {
  return [...onTheWork(metrics), ...onTheMachines(metrics)]
}

function onTheWork(metrics: KckMetrics): readonly Watch[] {
  const { own, deadLetters, oldest } = metrics
  return [
    {
      name: 'dead-letters',
      says: 'Messages that nobody could work on wait in a dead-letter queue.',
      metric: deadLetters(MINUTE),
      threshold: 1,
      periods: 1,
    },
    {
      name: 'refresh-lag',
      says: 'Refreshes wait for more than five minutes.',
      metric: own('RefreshLag', 'p90', FIVE_MINUTES),
      threshold: 300_000,
      periods: 3,
    },
    {
      name: 'hot-lane-waits',
      says: 'A refresh that a reader waits for has not been begun for a minute.',
      metric: oldest('hot', MINUTE),
      threshold: 60,
      periods: 5,
    },
    {
      name: 'failing-product',
      says: 'Computes fail again and again.',
      metric: own('ComputeFailures', 'Sum', FIVE_MINUTES),
      threshold: 3,
      periods: 3,
    },
    {
      name: 'parked-product',
      says: 'A product has failed so often that nobody tries it any more.',
      metric: own('Parked', 'Sum', FIVE_MINUTES),
      threshold: 1,
      periods: 1,
    },
    {
      name: 'server-errors',
      says: 'More than one request in a hundred is answered with 5xx.',
      metric: errorRate(metrics),
      threshold: 1,
      periods: 2,
    },
  ]
}

function errorRate({ api }: KckMetrics): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    label: 'share of requests that failed (%)',
    // A share of a handful of requests says nothing.
    expression: 'IF(requests >= 20, 100 * failed / requests, 0)',
    usingMetrics: { failed: api('5xx', 'Sum', FIVE_MINUTES), requests: api('Count', 'Sum', FIVE_MINUTES) },
    period: FIVE_MINUTES,
  })
}

function onTheMachines({ own, functions, database }: KckMetrics): readonly Watch[] {
  return [
    {
      name: 'throttles',
      says: 'Keyspaces or a database refuses work for now.',
      metric: own('Throttles', 'Sum', FIVE_MINUTES),
      threshold: 10,
      periods: 3,
    },
    {
      name: 'function-throttles',
      says: "Lambda refuses calls: the account's concurrency is used up.",
      metric: functions.sum('Throttles', FIVE_MINUTES),
      threshold: 1,
      periods: 2,
    },
    {
      name: 'function-errors',
      says: 'A function ends with an error, or runs out of time or memory.',
      metric: functions.sum('Errors', FIVE_MINUTES),
      threshold: 1,
      periods: 3,
    },
    {
      name: 'process-worker-silent',
      says: 'The process worker has not run for five minutes: nothing scheduled and nothing lost is picked up.',
      metric: functions.one('process-worker', 'Invocations', FIVE_MINUTES),
      threshold: 1,
      below: true,
      periods: 1,
      silence: true,
    },
    {
      name: 'faults',
      says: 'Something fails that no caller hears of.',
      metric: own('Faults', 'Sum', FIVE_MINUTES),
      threshold: 10,
      periods: 3,
    },
    ...(database === null
      ? []
      : [
          {
            name: 'database-full',
            says: 'Aurora has been at its largest capacity for a quarter of an hour.',
            metric: database('ACUUtilization', 'Maximum', FIVE_MINUTES),
            threshold: 95,
            periods: 3,
          },
        ]),
  ]
}
