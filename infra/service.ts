import {
  Aws,
  CfnOutput,
  type aws_cloudwatch as cloudwatch,
  Duration,
  aws_iam as iam,
  aws_logs as logs,
  aws_sns as sns,
  aws_sns_subscriptions as subscriptions,
} from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { acknowledge } from './acknowledge.ts'
import { KckAlarms } from './alarms.ts'
import { KckApi } from './api.ts'
import { KckDashboard } from './dashboard.ts'
import type { KckData } from './data.ts'
import { deploymentIn } from './deployment.ts'
import { type FunctionName, KckFunctions } from './functions.ts'
import { metricsOf } from './metrics.ts'
import type { Project } from './project.ts'
import { KckQueues, type Lane } from './queues.ts'
import { KckSchedules } from './schedules.ts'
import { KckUserPool } from './sign-in.ts'

export interface ServiceOptions {
  /**
   * Who can sign in: `cognito`: a user pool is made; a user pool that is there already, with the clients whose tokens
   * are taken; `none`: nobody, so that only what is public can be used. @default what `auth` of kck.config.ts says,
   * else `cognito`
   */
  readonly signIn?: 'cognito' | 'none' | { readonly userPoolId: string; readonly clientIds: readonly string[] }
  /** The API's own name, with a certificate of the same region; its DNS record is yours to make. */
  readonly domain?: { readonly name: string; readonly certificateArn: string }
  /** Requests of everybody together. @default { perSecond: 2000, burst: 1000 } */
  readonly throttle?: { readonly perSecond: number; readonly burst: number }
  /** Workers at a time by lane, 2 to 1,000; the sources have their own budgets. @default { hot: 20, normal: 10, idle: 2 } */
  readonly concurrency?: Partial<Readonly<Record<Lane, number>>>
  /** MB by function. @default 1024; process-worker, change and deploy 512 */
  readonly memory?: Partial<Readonly<Record<FunctionName, number>>>
  /** MB of the disk of each function, 512 to 10,240, for its copy of what is replicated. @default 512 */
  readonly disk?: number
  /** A line of the API for each request, at $0.50 per GB. @default true */
  readonly accessLogs?: boolean
  /** Days. @default 30 */
  readonly logDays?: logs.RetentionDays
  /** Hears of alarms. */
  readonly alarmEmail?: string
  /** More variables of all functions, such as `KCK_DEADLINE`; no secrets. */
  readonly environment?: Readonly<Record<string, string>>
}

export interface KckServiceProps extends ServiceOptions {
  readonly project: Project
  /** The folder that `bundleFunctions` made. */
  readonly code: string
  /** The deployment's. */
  readonly name: string
  readonly data: KckData
}

const MEMORY: Readonly<Record<FunctionName, number>> = {
  fetch: 1024,
  update: 1024,
  'refresh-worker': 1024,
  'process-worker': 512,
  change: 512,
  deploy: 512,
}
const THROTTLE = { perSecond: 2000, burst: 1000 }
const CONCURRENCY: Readonly<Record<Lane, number>> = { hot: 20, normal: 10, idle: 2 }
const LONGEST_S = 900
/** On the disk that each function has of its own. */
const REPLICA_PATH = '/tmp/kck-replica'
/** Beside the longest compute: the reading and the writing. */
const MARGIN_S = 30

/** What answers, refreshes and runs by itself. All of it can be made again. */
export class KckService extends Construct {
  readonly url: string
  readonly functions: KckFunctions
  readonly queues: KckQueues
  readonly alarms: readonly cloudwatch.Alarm[]
  /** Where alarms go. */
  readonly topic: sns.Topic

  constructor(scope: Construct, id: string, props: KckServiceProps) {
    super(scope, id)
    const { project, name, data, logDays = logs.RetentionDays.ONE_MONTH } = props
    const workerTimeout = Duration.seconds(Math.min(LONGEST_S, Math.ceil(project.longestComputeMs / 1_000) + MARGIN_S))
    this.queues = new KckQueues(this, 'Queues', { name, workerTimeout })
    const queueArns = Object.values(this.queues.lanes).map(({ queueArn }) => queueArn)
    this.functions = new KckFunctions(this, 'Functions', {
      name,
      code: props.code,
      queues: this.queues,
      things: {
        tableArns: arnsOf(data, project.tables),
        logTableArns: project.replicates ? arnsOf(data, project.logTables) : [],
        sources: data.sources,
        queueArns,
        bucketName: data.bucketName,
      },
      environment: { ...this.#environment(props), ...this.#signIn(props), ...props.environment },
      workerTimeout,
      logRetention: logDays,
      memory: { ...MEMORY, ...props.memory },
      disk: props.disk,
      concurrency: { ...CONCURRENCY, ...props.concurrency },
    })
    const { all } = this.functions
    const api = new KckApi(this, 'Api', {
      name,
      fetch: all.fetch,
      update: all.update,
      throttle: props.throttle ?? THROTTLE,
      domain: props.domain,
      accessLogs: props.accessLogs ?? true,
      logRetention: logDays,
    })
    this.url = api.url
    const deadLetters = this.queues.deadLetters.schedules
    const schedules = new KckSchedules(this, 'Schedules', {
      name,
      jobs: project.jobs,
      worker: all['process-worker'],
      deadLetters,
    })
    const { deployment } = project
    const hook = deploymentIn(this, 'Deployment', { hook: all.deploy, deployment, sources: data.sources })
    hook.node.addDependency(this.queues, this.functions, api, schedules)

    this.topic = alarmTopic(this, name)
    if (props.alarmEmail) {
      const email = this.topic.addSubscription(new subscriptions.EmailSubscription(props.alarmEmail))
      acknowledge(email, 'Serverless', 'SNSRedrivePolicy', 'An alarm that no mail could tell is still on the dashboard')
    }
    const clusterIdentifier = data.database === null ? null : name
    const { functions, queues } = this
    const metrics = metricsOf({ name, apiId: api.apiId, functions, queues, clusterIdentifier })
    this.alarms = new KckAlarms(this, 'Watch', { name, metrics, topic: this.topic }).alarms
    new KckDashboard(this, 'Look', { name, metrics, alarms: this.alarms })
    new CfnOutput(this, 'Url', { value: this.url, description: 'Of the API' }).overrideLogicalId('Url')
  }

  #environment({ project, name, data }: KckServiceProps): Record<string, string> {
    const { hot, normal, idle } = this.queues.lanes
    return {
      KCK_STORE: 'keyspaces',
      KCK_STORE_KEYSPACE: data.keyspace.keyspaceName,
      KCK_QUEUE_HOT_URL: hot.queueUrl,
      KCK_QUEUE_NORMAL_URL: normal.queueUrl,
      KCK_QUEUE_IDLE_URL: idle.queueUrl,
      KCK_LARGE_BODIES_BUCKET: data.bucketName,
      ...(project.replicates ? { KCK_REPLICA_PATH: REPLICA_PATH, KCK_REPLICA_BUCKET: data.bucketName } : {}),
      KCK_SERVICE: name,
    }
  }

  #signIn({ project, name, signIn = project.signsIn ? 'none' : 'cognito' }: KckServiceProps): Record<string, string> {
    if (signIn === 'none') return {}
    if (signIn !== 'cognito') return poolOf(signIn)
    const pool = new KckUserPool(this, 'SignIn', { name })
    new CfnOutput(this, 'TokenUrl', {
      value: pool.tokenUrl,
      description: 'Where clients get tokens',
    }).overrideLogicalId('TokenUrl')
    new CfnOutput(this, 'UserPoolId', { value: pool.userPoolId }).overrideLogicalId('UserPoolId')
    return poolOf(pool)
  }
}

function arnsOf({ keyspace }: KckData, tables: Project['tables']): readonly string[] {
  return Object.keys(tables).map((table) => keyspace.arns[table] ?? '')
}

function alarmTopic(scope: Construct, name: string): sns.Topic {
  const topic = new sns.Topic(scope, 'Alarms', { topicName: `${name}-alarms`, enforceSSL: true })
  // A policy of its own takes the place of the one that lets the account's alarms in.
  topic.addToResourcePolicy(
    new iam.PolicyStatement({
      actions: ['sns:Publish'],
      principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  )
  return topic
}

function poolOf({ userPoolId, clientIds }: { readonly userPoolId: string; readonly clientIds: readonly string[] }) {
  return { KCK_AUTH_USER_POOL_ID: userPoolId, KCK_AUTH_CLIENT_ID: clientIds.join(',') }
}
