import { Duration, aws_sqs as sqs } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'

export const LANES = ['hot', 'normal', 'idle'] as const
export type Lane = (typeof LANES)[number]

/**
 * Deliveries after which a message goes to the dead-letter queue. The worker renews what fails after three, so that only
 * what nobody can read, or what ends its workers, gets there.
 */
const MAX_RECEIVES = 5
/** How long a batch of announced changes may take. */
export const CHANGE_TIMEOUT = Duration.minutes(1)
const DEAD_LETTER_DAYS = 14
const WAITING_DAYS = 4

export interface KckQueuesProps {
  /** The deployment's. */
  readonly name: string
  /** How long a worker may take. Lambda refuses a queue whose messages come back before. */
  readonly workerTimeout: Duration
}

/** Three lanes for refresh requests and a queue for changes, each with a dead-letter queue; so have the schedules. */
export class KckQueues extends Construct {
  readonly lanes: Readonly<Record<Lane, sqs.Queue>>
  /** For other systems: what they send to it has changed, in the form of `POST /changed`. */
  readonly changes: sqs.Queue
  /** By what they are behind. */
  readonly deadLetters: Readonly<Record<Lane | 'changes' | 'schedules', sqs.Queue>>

  constructor(scope: Construct, id: string, { name, workerTimeout }: KckQueuesProps) {
    super(scope, id)
    const deadLettersOf = (what: string) => {
      const retentionPeriod = Duration.days(DEAD_LETTER_DAYS)
      const queue = this.#queue(`${what}-dead`, { queueName: `${name}-${what}-dead`, retentionPeriod })
      acknowledge(queue, 'AwsSolutions', 'SQS3', 'It is a dead-letter queue')
      acknowledge(queue, 'Serverless', 'SQSRedrivePolicy', 'It is a dead-letter queue')
      return queue
    }
    this.deadLetters = {
      hot: deadLettersOf('hot'),
      normal: deadLettersOf('normal'),
      idle: deadLettersOf('idle'),
      changes: deadLettersOf('changes'),
      schedules: deadLettersOf('schedules'),
    }
    const withDeadLetters = (of: Lane | 'changes', visibilityTimeout: Duration) =>
      this.#queue(of, {
        queueName: `${name}-${of}`,
        visibilityTimeout,
        retentionPeriod: Duration.days(WAITING_DAYS),
        deadLetterQueue: { queue: this.deadLetters[of], maxReceiveCount: MAX_RECEIVES },
      })
    const lane = (of: Lane) => withDeadLetters(of, workerTimeout)
    this.lanes = { hot: lane('hot'), normal: lane('normal'), idle: lane('idle') }
    this.changes = withDeadLetters('changes', CHANGE_TIMEOUT)
  }

  #queue(id: string, props: sqs.QueueProps): sqs.Queue {
    return new sqs.Queue(this, id, { encryption: sqs.QueueEncryption.SQS_MANAGED, enforceSSL: true, ...props })
  }
}
