import { createHash } from 'node:crypto'
import { aws_iam as iam, type aws_lambda as lambda, aws_scheduler as scheduler, type aws_sqs as sqs } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { type Due, scheduleExpressions } from './schedule-expressions.ts'

export interface KckSchedulesProps {
  /** The deployment's. */
  readonly name: string
  readonly jobs: readonly { readonly name: string; readonly due: Due }[]
  readonly worker: lambda.IFunction
  readonly deadLetters: sqs.IQueue
}

const RETRIES = 3
const LONGEST_NAME = 64

/**
 * What wakes the process worker: a schedule for each `every` and `cron` of a primer or process, which names its job, and
 * one for every minute that names none. A schedule only wakes: what is due is decided by the worker, once for each due
 * time whoever asks, so one that is lost, late, doubled or switched off costs at most a minute. That of every minute
 * also does the sweep, and what EventBridge has no expression for.
 */
export class KckSchedules extends Construct {
  constructor(scope: Construct, id: string, { name, jobs, worker, deadLetters }: KckSchedulesProps) {
    super(scope, id)
    const group = new scheduler.CfnScheduleGroup(this, 'Group', { name })
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com'),
      description: `What the schedules of ${name} may do`,
    })
    role.addToPolicy(new iam.PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [worker.functionArn] }))
    role.addToPolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetters.queueArn] }))
    const make = (
      job: string,
      expression: string,
      more: { readonly timeZone?: string | null; readonly input: object },
    ) => {
      const schedule = new scheduler.CfnSchedule(this, job, {
        name: nameOf(job),
        groupName: name,
        scheduleExpression: expression,
        scheduleExpressionTimezone: more.timeZone ?? 'UTC',
        flexibleTimeWindow: { mode: 'OFF' },
        target: {
          arn: worker.functionArn,
          roleArn: role.roleArn,
          input: JSON.stringify(more.input),
          retryPolicy: { maximumRetryAttempts: RETRIES, maximumEventAgeInSeconds: 300 },
          deadLetterConfig: { arn: deadLetters.queueArn },
        },
      })
      schedule.addResourceDependency(group)
    }
    make('every-minute', 'rate(1 minute)', { input: {} })
    for (const { name: job, due } of jobs) {
      scheduleExpressions(due).forEach((expression, index) => {
        make(index === 0 ? job : `${job}/${index + 1}`, expression, { timeZone: due.timeZone, input: { job } })
      })
    }
  }
}

/** Letters, digits, `.`, `_` and `-`, at most 64; names that would become equal stay different. */
function nameOf(job: string): string {
  const plain = job.replaceAll(/[^A-Za-z0-9._-]/g, '-')
  if (plain.length <= LONGEST_NAME) return plain
  const hash = createHash('sha256').update(job).digest('hex').slice(0, 8)
  return `${plain.slice(0, LONGEST_NAME - hash.length - 1)}-${hash}`
}
