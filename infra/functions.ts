import { Duration, aws_lambda as lambda, aws_logs as logs, RemovalPolicy, Size, type aws_sqs as sqs } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import * as access from './access.ts'
import { acknowledge } from './acknowledge.ts'
import { CHANGE_TIMEOUT, type KckQueues, LANES } from './queues.ts'

export type FunctionName = 'fetch' | 'update' | 'refresh-worker' | 'process-worker' | 'change' | 'deploy'

export interface KckFunctionsProps {
  /** The deployment's. */
  readonly name: string
  /** The folder that `bundleFunctions` made. */
  readonly code: string
  readonly things: access.Things
  readonly queues: KckQueues
  /** The same for all of them; no secrets. */
  readonly environment: Readonly<Record<string, string>>
  readonly workerTimeout: Duration
  readonly logRetention: logs.RetentionDays
  /** MB; also decides how much CPU a function has (1,769: one). */
  readonly memory: Readonly<Record<FunctionName, number>>
  /** MB. Default: as Lambda has it. */
  readonly disk: number | undefined
  /** Workers at a time, by lane: 2 to 1,000. */
  readonly concurrency: Readonly<Record<'hot' | 'normal' | 'idle', number>>
}

/** An HTTP API waits for 30 s at most. */
const HTTP_TIMEOUT = Duration.seconds(29)
const LONGEST = Duration.minutes(15)
const BATCH = 10
const CHANGES_AT_A_TIME = 5

/** The functions, all of one bundle, each with a role of its own. */
export class KckFunctions extends Construct {
  readonly all: Readonly<Record<FunctionName, lambda.Function>>

  constructor(scope: Construct, id: string, props: KckFunctionsProps) {
    super(scope, id)
    const { things, workerTimeout } = props
    // Whoever changes an entry publishes it, and for that knows what has been published.
    const store = [...access.storeAccess(this, things), ...access.replicaAccess(things)]
    const [reads, writes] = [access.sourceAccess(things, 'reader'), access.sourceAccess(things, 'writer')]
    const http = [...store, access.sending(things), access.largeBodies(things)]
    const make = this.#maker(props)
    this.all = {
      fetch: make('fetch', {
        hosts: 1,
        timeout: HTTP_TIMEOUT,
        user: 'reader',
        may: [...http, access.measuring(things), ...reads],
      }),
      update: make('update', { hosts: 1, timeout: HTTP_TIMEOUT, user: 'writer', may: [...http, ...writes] }),
      'refresh-worker': make('refresh-worker', {
        timeout: workerTimeout,
        user: 'reader',
        may: [...store, access.receiving(things.queueArns), access.sending(things), ...reads],
      }),
      'process-worker': make('process-worker', {
        timeout: LONGEST,
        user: 'writer',
        may: [...store, ...access.snapshotAccess(things), access.sending(things), access.measuring(things), ...writes],
      }),
      change: make('change', {
        timeout: CHANGE_TIMEOUT,
        user: 'reader',
        may: [...store, access.sending(things), access.receiving([props.queues.changes.queueArn])],
      }),
      deploy: make('deploy', {
        timeout: LONGEST,
        user: 'reader',
        may: [...store, access.sending(things), ...reads, ...access.usersAccess(things)],
      }),
    }
    // The next minute does what this one could not.
    const ticked = this.all['process-worker']
    ticked.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) })
    acknowledge(ticked, 'Serverless', 'LambdaAsyncFailureDestination', 'A lost tick is made up for by the next')
    const deliver = (
      fn: FunctionName,
      queue: sqs.IQueue,
      named: { readonly id: string; readonly maxConcurrency: number },
    ) => {
      const mapping = this.all[fn].addEventSourceMapping(named.id, {
        eventSourceArn: queue.queueArn,
        batchSize: BATCH,
        maxConcurrency: named.maxConcurrency,
        reportBatchItemFailures: true,
      })
      acknowledge(mapping, 'Serverless', 'LambdaEventSourceMappingDestination', 'The queue has a dead-letter queue')
    }
    for (const lane of LANES) {
      deliver('refresh-worker', props.queues.lanes[lane], { id: lane, maxConcurrency: props.concurrency[lane] })
    }
    deliver('change', props.queues.changes, { id: 'changes', maxConcurrency: CHANGES_AT_A_TIME })
  }

  #maker(props: KckFunctionsProps) {
    const code = lambda.Code.fromAsset(props.code)
    return (name: FunctionName, its: Its): lambda.Function => {
      const functionName = `${props.name}-${name}`
      const logGroupName = `/aws/lambda/${functionName}`
      const logGroup = new logs.LogGroup(this, `${name}-log`, {
        logGroupName,
        retention: props.logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
      })
      const role = access.roleOf(this, `${name}-role`, {
        description: `What the function ${functionName} may do`,
        logGroupName,
        statements: [...its.may, access.tracing],
      })
      const fn = new lambda.Function(this, name, {
        functionName,
        code,
        handler: `${name}.handler`,
        runtime: lambda.Runtime.NODEJS_24_X,
        architecture: lambda.Architecture.ARM_64,
        memorySize: props.memory[name],
        ...(props.disk === undefined ? {} : { ephemeralStorageSize: Size.mebibytes(props.disk) }),
        timeout: its.timeout,
        role: role.withoutPolicyUpdates(),
        logGroup,
        loggingFormat: lambda.LoggingFormat.JSON,
        // Without the three lines that Lambda writes about every call, which would cost more than the call.
        systemLogLevelV2: lambda.SystemLogLevel.WARN,
        tracing: lambda.Tracing.ACTIVE,
        // One refresh asks for the next, many deep: Lambda would take that for a loop without end after sixteen.
        ...(name === 'refresh-worker' ? { recursiveLoop: lambda.RecursiveLoop.ALLOW } : {}),
        environment: {
          ...props.environment,
          KCK_STORE_HOSTS: String(its.hosts ?? 2),
          ...sourceEnvironment(props.things, its.user),
        },
      })
      acknowledge(fn, 'Serverless', 'LambdaDLQ', 'Whoever calls it waits for its answer, or has a dead-letter queue')
      return fn
    }
  }
}

interface Its {
  /** Of Keyspaces, to connect to: one is soonest there, two take more. @default 2 */
  readonly hosts?: number
  readonly timeout: Duration
  /** Of the databases. */
  readonly user: 'reader' | 'writer'
  readonly may: Parameters<typeof access.roleOf>[2]['statements']
}

function sourceEnvironment({ sources }: access.Things, user: 'reader' | 'writer'): Record<string, string> {
  const variables = Object.entries(sources).map(([name, source]) => ({
    [`KCK_SOURCE_${name.toUpperCase()}_RESOURCE_ARN`]: source.clusterArn,
    [`KCK_SOURCE_${name.toUpperCase()}_SECRET_ARN`]:
      user === 'reader' ? source.readerSecretArn : source.writerSecretArn,
    [`KCK_SOURCE_${name.toUpperCase()}_DATABASE`]: source.database,
  }))
  return Object.assign({}, ...variables)
}
