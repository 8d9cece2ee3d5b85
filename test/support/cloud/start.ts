import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CloudFormationCustomResourceResponse } from 'aws-lambda'
import type { CassandraAddress } from '../cassandra/start.ts'
import { type DataApi, startDataApi } from '../data-api/server.ts'
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts'
import type { Gateway } from '../http-gateway.ts'
import { type KeyspacesDouble, startKeyspaces } from '../keyspaces/double.ts'
import { credentials } from '../lambda/environment.ts'
import type { LambdaFunction } from '../lambda/function.ts'
import { runtimeClient } from '../lambda/runtime-client.ts'
import { deploy } from './deployment.ts'
import { type EventSource, startEventSource } from './event-source.ts'
import { createFunctions, functionIdentity, nameInArn } from './functions.ts'
import { startHttpApi } from './http-api.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { createBuckets, createQueues, type Storage, startStorage } from './queues.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { startSecrets } from './secrets.ts'
import { createTables } from './tables.ts'
import { type Identity, type Resource, Templates } from './templates.ts'

export interface CloudOptions {
  /** A synthesized app: `cdk.out`. */
  readonly assembly: string
  readonly cassandra: CassandraAddress
  /** The PostgreSQL server behind the Data API: the connection string of its administrator. */
  readonly postgres: string
  /** Divides the visibility timeouts of the queues: what a killed worker held comes again that much sooner. Default 1. */
  readonly hurry?: number
  /** Of the HTTP API. Default: a free one. */
  readonly port?: number
}

/** What `cdk deploy` makes of a synthesized app, on this machine. */
export interface Cloud {
  readonly url: string
  readonly issuer: Issuer
  readonly functions: ReadonlyMap<string, LambdaFunction>
  readonly keyspaces: KeyspacesDouble
  /** The Data API, SQS and S3, with what can break the connections to them. */
  readonly dataApi: DataApi & { readonly proxy: FaultProxy }
  readonly storage: Storage
  readonly eventSources: readonly EventSource[]
  readonly scheduler: Scheduler
  readonly templates: Templates
  /** Milliseconds since 1970, by the clock of this cloud. */
  now(): number
  /** So much time passes, for all functions and signatures. Schedules that were due in it do not fire by themselves. */
  pass(milliseconds: number): Promise<void>
  /** Runs the deploy hook, as the last step of a deployment does. */
  deploy(): Promise<CloudFormationCustomResourceResponse>
  restartGateway(): Promise<void>
  stop(): Promise<void>
}

const region = 'eu-central-1'
const POOL = `${region}_KckOnOne`
const CLIENT = 'client-of-the-tests'

export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { assembly, cassandra, postgres, hurry = 1 } = options
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    const faults: unknown[] = []
    for (const each of stops.splice(0).reverse()) await each().catch((error: unknown) => faults.push(error))
    if (faults.length > 0) throw faults[0]
  }
  const keep = <T extends { stop(): Promise<unknown> }>(part: T): T => {
    stops.push(() => part.stop())
    return part
  }
  try {
    return await start()
  } catch (error) {
    await stop()
    throw error
  }

  async function start(): Promise<Cloud> {
    let shift = 0
    const now = () => Date.now() + shift
    const templates = new Templates(assembly)
    const keyspace = `kck_cloud_${process.pid}_${Date.now().toString(36)}`
    const ric = await runtimeClient()
    const tables = await createTables(templates, cassandra, keyspace)
    stops.push(() => tables.drop())
    const keyspaces = keep(await startKeyspaces(cassandra, { region, ...credentials, now }))
    const folder = await mkdtemp(join(tmpdir(), 'kck-cloud-'))
    stops.push(() => rm(folder, { recursive: true, force: true }))
    const ca = join(folder, 'ca.pem')
    await writeFile(ca, keyspaces.certificate.cert)
    const storage = keep(await startStorage())
    const secrets = keep(await startSecrets())
    const api = keep(await startDataApi({ connectionString: postgres, userOf: secrets.userOf }))
    const proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(api.endpoint).port) })
    stops.push(() => proxy.close())
    const dataApi = Object.assign(api, { proxy })
    const issuer = keep(
      await startIssuer({ issuer: `https://cognito-idp.${region}.amazonaws.com/${POOL}`, clientId: CLIENT, now }),
    )

    identify(templates)
    await createQueues(templates, storage, hurry)
    await createBuckets(templates, storage)
    const functions = createFunctions(templates, ric, {
      KCK_STORE_ENDPOINT: keyspaces.endpoint,
      KCK_STORE_KEYSPACE: keyspace,
      NODE_EXTRA_CA_CERTS: ca,
      AWS_ENDPOINT_URL_RDS_DATA: `http://127.0.0.1:${proxy.port}`,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
      AWS_ENDPOINT_URL_SQS: storage.endpoint,
      KCK_LARGE_BODIES_ENDPOINT: storage.endpoint,
      KCK_REPLICA_ENDPOINT: storage.endpoint,
      KCK_AUTH_JWKS: issuer.jwksUrl,
    })
    stops.push(() => Promise.all([...functions.values()].map((each) => each.kill())))
    const functionOf = (arn: string): LambdaFunction => {
      const found = functions.get(nameInArn(arn))
      if (!found) throw new Error(`There is no function ${arn}`)
      return found
    }
    const scheduler = createScheduler(schedulesOf(templates, functionOf), now())
    const eventSources = eventSourcesOf(templates, storage, functionOf)
    stops.push(() => Promise.all(eventSources.map((each) => each.stop())))
    const routes = routesOf(templates, functionOf)
    let gateway: Gateway = await startHttpApi(routes, options.port ?? 0)
    stops.push(() => gateway.close())
    const port = Number(new URL(gateway.origin).port)

    return {
      url: gateway.origin,
      issuer,
      functions,
      keyspaces,
      dataApi,
      storage,
      eventSources,
      scheduler,
      templates,
      now,
      async pass(milliseconds) {
        shift += milliseconds
        for (const each of functions.values()) await each.pass(milliseconds)
      },
      deploy: () => deploy(templates, functionOf),
      async restartGateway() {
        await gateway.close()
        gateway = await startHttpApi(routes, port)
      },
      stop,
    }
  }
}

const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:123456789012:${rest}`

/** What resources are known by that exist from the beginning, or need no double of their own. */
const identities: Readonly<Record<string, (resource: Resource) => Identity>> = {
  'AWS::Lambda::Function': functionIdentity,
  'AWS::Cognito::UserPool': () => ({ ref: POOL, attributes: {} }),
  'AWS::Cognito::UserPoolClient': () => ({ ref: CLIENT, attributes: {} }),
  'AWS::SecretsManager::Secret': secretIdentity,
  'AWS::SecretsManager::SecretTargetAttachment': secretIdentity,
  'AWS::RDS::DBCluster': ({ id, properties }) => {
    const ref = typeof properties.DBClusterIdentifier === 'string' ? properties.DBClusterIdentifier : id
    return { ref, attributes: { DBClusterArn: arn('rds', `cluster:${ref}`) } }
  },
}

function secretIdentity({ id }: Resource): Identity {
  return { ref: arn('secretsmanager', `secret:${id}`), attributes: {} }
}

function identify(templates: Templates): void {
  for (const resource of templates.resources) {
    const identity = identities[resource.type]?.(resource)
    if (identity) templates.identify(resource, identity)
  }
}

type FunctionOf = (arn: string) => LambdaFunction

function routesOf(templates: Templates, functionOf: FunctionOf) {
  const integrations = new Map(
    templates.ofType('AWS::ApiGatewayV2::Integration').map((resource) => [resource.id, templates.resolved(resource)]),
  )
  return templates.ofType('AWS::ApiGatewayV2::Route').map((route) => {
    const { RouteKey, Target } = templates.resolved(route)
    const {
      IntegrationUri,
      TimeoutInMillis = 30_000,
      PayloadFormatVersion,
    } = integrations.get(String(Target).split('/')[1] ?? '')
    if (PayloadFormatVersion !== '2.0') throw new Error(`${RouteKey} has the payload format ${PayloadFormatVersion}`)
    return { routeKey: String(RouteKey), function: functionOf(IntegrationUri), timeoutMs: Number(TimeoutInMillis) }
  })
}

function eventSourcesOf(templates: Templates, { sqs, endpoint }: Storage, functionOf: FunctionOf): EventSource[] {
  return templates.ofType('AWS::Lambda::EventSourceMapping').map((resource) => {
    const mapping = templates.resolved(resource)
    const queueArn = String(mapping.EventSourceArn)
    return startEventSource({
      client: sqs,
      queueUrl: `${endpoint}/000000000000/${queueArn.split(':').at(-1)}`,
      queueArn,
      function: functionOf(mapping.FunctionName),
      batchSize: mapping.BatchSize ?? 10,
      maxConcurrency: mapping.ScalingConfig?.MaximumConcurrency ?? 10,
      reportsFailures: (mapping.FunctionResponseTypes ?? []).includes('ReportBatchItemFailures'),
    })
  })
}

function schedulesOf(templates: Templates, functionOf: FunctionOf) {
  return templates.ofType('AWS::Scheduler::Schedule').map((resource) => {
    const {
      Name = resource.id,
      ScheduleExpression,
      ScheduleExpressionTimezone = 'UTC',
      Target,
    } = templates.resolved(resource)
    const fire = async () => {
      await functionOf(Target.Arn).invokeLater(JSON.parse(Target.Input ?? '{}'))
    }
    return {
      name: String(Name),
      expression: String(ScheduleExpression),
      timeZone: String(ScheduleExpressionTimezone),
      fire,
    }
  })
}
