import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TABLES } from '../../src/adapters/cassandra/schema.ts'
import { LOG_TABLES } from '../../src/adapters/cassandra/update-log-tables.ts'
import { flat, ofType, type Resource, type Synthesized, synthesize, type Template } from '../support/infra/synth.ts'
import { accessTests } from './access.ts'

let made: Synthesized
let data: Template
let service: Template

// cdk-nag and the schemas of CloudFormation look at it as it is made: what they find is an error here.
beforeAll(async () => {
  made = await synthesize()
  data = made.data
  service = made.service
}, 180_000)
afterAll(() => made?.remove())

const functionOf = (name: string): Resource => {
  const found = ofType(service, 'AWS::Lambda::Function').find(
    ({ Properties }) => Properties.FunctionName === `kck-${name}`,
  )
  if (!found) throw new Error(`There is no function ${name}`)
  return found
}

describe('the store', () => {
  it('has the tables of the schema, and those of the log of replicas, column by column', () => {
    const created = ofType(data, 'AWS::Cassandra::Table').map(({ Properties: table }) => {
      // biome-ignore lint/suspicious/noExplicitAny: a column of a template.
      const text = ({ ColumnName, ColumnType }: any) => `${ColumnName} ${ColumnType}`
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const clustering = (table.ClusteringKeyColumns ?? []).map(({ Column }: any) => Column)
      const columns = [...table.PartitionKeyColumns, ...clustering, ...table.RegularColumns].map(text).sort()
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const names = (list: any[]) => list.map(({ ColumnName }) => ColumnName).join(', ')
      const keys = [`(${names(table.PartitionKeyColumns)})`, ...(clustering.length > 0 ? [names(clustering)] : [])]
      return [table.TableName, { columns, key: keys.join(', ') }]
    })
    const wanted = Object.entries({ ...TABLES, ...LOG_TABLES }).map(([name, cql]) => {
      const [columns = '', key = ''] = cql.replaceAll(/\s+/g, ' ').slice(1).split('PRIMARY KEY (')
      return [
        name,
        {
          columns: columns
            .split(',')
            .map((text) => text.trim())
            .filter(Boolean)
            .sort(),
          key: key.replace('))', ''),
        },
      ]
    })
    expect(new Map(created as [])).toEqual(new Map(wanted as []))
  })

  it('is on demand, restorable, encrypted, can expire rows, and is kept', () => {
    const tables = ofType(data, 'AWS::Cassandra::Table')
    expect(tables.length).toBe(Object.keys({ ...TABLES, ...LOG_TABLES }).length)
    for (const table of tables) {
      expect(table.Properties).toMatchObject({
        KeyspaceName: 'kck',
        BillingMode: { Mode: 'ON_DEMAND' },
        PointInTimeRecoveryEnabled: true,
        EncryptionSpecification: { EncryptionType: 'AWS_OWNED_KMS_KEY' },
      })
      expect(table.Properties.DefaultTimeToLive).toBeGreaterThan(0)
      expect(table.Properties.ClientSideTimestampsEnabled).toBeUndefined()
    }
    expect([...tables, ...ofType(data, 'AWS::Cassandra::Keyspace')].map(kept)).toEqual(
      Array(tables.length + 1).fill(['Retain', 'Retain']),
    )
  })
})

const kept = ({ DeletionPolicy, UpdateReplacePolicy }: Resource) => [DeletionPolicy, UpdateReplacePolicy]

describe('the database', () => {
  it('is Aurora Serverless behind the Data API that may pause, is protected, and is kept', () => {
    const [cluster] = ofType(data, 'AWS::RDS::DBCluster')
    expect(cluster?.Properties).toMatchObject({
      DBClusterIdentifier: 'kck',
      Engine: 'aurora-postgresql',
      DatabaseName: 'shop',
      EnableHttpEndpoint: true,
      DeletionProtection: true,
      StorageEncrypted: true,
      BackupRetentionPeriod: 14,
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 4, SecondsUntilAutoPause: 300 },
    })
    expect(kept(cluster as Resource)).toEqual(['Retain', 'Retain'])
    expect(ofType(data, 'AWS::RDS::DBInstance')[0]?.Properties.PubliclyAccessible).toBe(false)
  })

  it('cannot be reached from anywhere: no way out of its network, nothing let in', () => {
    expect(ofType(data, 'AWS::EC2::NatGateway')).toEqual([])
    expect(ofType(data, 'AWS::EC2::InternetGateway')).toEqual([])
    expect(ofType(data, 'AWS::EC2::SecurityGroupIngress')).toEqual([])
    expect(ofType(data, 'AWS::EC2::SecurityGroup').map(({ Properties }) => Properties.SecurityGroupIngress)).toEqual([
      undefined,
    ])
  })

  it('has a secret for each of three users, all kept', () => {
    const secrets = ofType(data, 'AWS::SecretsManager::Secret')
    expect(secrets.map(({ Properties }) => Properties.Name).sort()).toEqual([
      'kck/database/admin',
      'kck/database/reader',
      'kck/database/writer',
    ])
    expect(secrets.flatMap(kept)).not.toContain('Delete')
  })
})

describe('the bucket', () => {
  it('is private, forgets bodies after a day, and is kept', () => {
    const [bucket] = ofType(data, 'AWS::S3::Bucket')
    expect(flat(bucket?.Properties.BucketName)).toBe('kck-<AWS::AccountId>-<AWS::Region>')
    expect(Object.values(bucket?.Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true])
    expect(bucket?.Properties.LifecycleConfiguration.Rules).toContainEqual(
      expect.objectContaining({ Prefix: 'bodies/', ExpirationInDays: 1, Status: 'Enabled' }),
    )
    expect(kept(bucket as Resource)).toEqual(['Retain', 'Retain'])
  })
})

describe('the lanes', () => {
  it('are three, and a message that comes back five times goes to a dead-letter queue of its own for two weeks', () => {
    const queues = new Map(ofType(service, 'AWS::SQS::Queue').map((queue) => [queue.Properties.QueueName, queue]))
    const dead = ['hot', 'normal', 'idle', 'changes', 'schedules'].map((name) => `kck-${name}-dead`)
    expect([...queues.keys()].sort()).toEqual(['kck-hot', 'kck-idle', 'kck-normal', 'kck-changes', ...dead].sort())
    for (const lane of ['hot', 'normal', 'idle', 'changes']) {
      const deadId = queues.get(`kck-${lane}-dead`)?.id
      expect(queues.get(`kck-${lane}`)?.Properties.RedrivePolicy).toEqual({
        deadLetterTargetArn: { 'Fn::GetAtt': [deadId, 'Arn'] },
        maxReceiveCount: 5,
      })
    }
    for (const name of dead) expect(queues.get(name)?.Properties.MessageRetentionPeriod).toBe(14 * 86_400)
    for (const { Properties } of queues.values()) expect(Properties.SqsManagedSseEnabled).toBe(true)
  })

  it('are worked on in batches that fail by message, by so many workers at a time', () => {
    const lanes = ofType(service, 'AWS::Lambda::EventSourceMapping').map(({ Properties }) => ({
      batch: Properties.BatchSize,
      responses: Properties.FunctionResponseTypes,
      atATime: Properties.ScalingConfig.MaximumConcurrency,
    }))
    const lane = (atATime: number) => ({ batch: 10, responses: ['ReportBatchItemFailures'], atATime })
    expect(lanes).toEqual([lane(20), lane(10), lane(2), lane(5)])
  })

  it('hide a message for as long as its worker may take, which is as long as the longest compute', () => {
    // A primer of the project has a timeout of ten minutes.
    expect(functionOf('refresh-worker').Properties.Timeout).toBe(630)
    for (const lane of ['hot', 'normal', 'idle']) {
      const queue = ofType(service, 'AWS::SQS::Queue').find(({ Properties }) => Properties.QueueName === `kck-${lane}`)
      expect(queue?.Properties.VisibilityTimeout).toBe(630)
    }
  })
})

describe('the functions', () => {
  const names = ['change', 'deploy', 'fetch', 'process-worker', 'refresh-worker', 'update']

  it('are Node 24 on arm64, outside a VPC, of one bundle', () => {
    const functions = ofType(service, 'AWS::Lambda::Function').map(({ Properties }) => Properties)
    expect(functions.map(({ FunctionName }) => FunctionName).sort()).toEqual(names.map((name) => `kck-${name}`))
    expect(new Set(functions.map(({ Code }) => JSON.stringify(Code))).size).toBe(1)
    for (const { Architectures, Runtime, VpcConfig, Handler, FunctionName } of functions) {
      expect({ Architectures, Runtime, VpcConfig }).toEqual({ Architectures: ['arm64'], Runtime: 'nodejs24.x' })
      expect(`kck-${Handler}`).toBe(`${FunctionName}.handler`)
    }
  })

  it('hear of passwords by the ARN of their secrets only, and only those who write by the writer’s', () => {
    const variables = (name: string) => functionOf(name).Properties.Environment.Variables
    for (const name of names) {
      expect(Object.keys(variables(name)).filter((key) => /PASSWORD|TOKEN|_KEY$/.test(key))).toEqual([])
    }
    const secret = (name: string) => /(reader|writer)Secret/.exec(flat(variables(name).KCK_SOURCE_SHOP_SECRET_ARN))?.[1]
    expect(Object.fromEntries(names.map((name) => [name, secret(name)]))).toEqual({
      change: 'reader',
      deploy: 'reader',
      fetch: 'reader',
      'process-worker': 'writer',
      'refresh-worker': 'reader',
      update: 'writer',
    })
    expect(variables('fetch')).toMatchObject({ KCK_STORE: 'keyspaces', KCK_STORE_KEYSPACE: 'kck' })
    expect(variables('fetch').KCK_REPLICA_PATH).toBe('/tmp/kck-replica')
    expect(flat(variables('fetch').KCK_REPLICA_BUCKET)).toBe('kck-<AWS::AccountId>-<AWS::Region>')
  })
})

describe('the refresh worker', () => {
  it('may send to the queues that it is fed from: Lambda stops what it takes for an endless loop', () => {
    expect(functionOf('refresh-worker').Properties.RecursiveLoop).toBe('Allow')
    expect(functionOf('fetch').Properties.RecursiveLoop).toBeUndefined()
  })
})

describe('the API', () => {
  it('sends updates to the function that may write, and all else to fetch, throttled and logged', () => {
    const target = (id: string) => ofType(service, 'AWS::ApiGatewayV2::Integration').find((one) => one.id === id)
    const routes = ofType(service, 'AWS::ApiGatewayV2::Route').map(({ Properties }) => {
      const integration = target(Properties.Target['Fn::Join'][1][1].Ref)?.Properties
      const fn = service.Resources[integration.IntegrationUri['Fn::GetAtt'][0]]
      return [Properties.RouteKey, fn?.Properties.FunctionName, integration.PayloadFormatVersion]
    })
    expect(routes.sort()).toEqual([
      ['$default', 'kck-fetch', '2.0'],
      ['POST /create/{proxy+}', 'kck-update', '2.0'],
      ['POST /update/{proxy+}', 'kck-update', '2.0'],
      ['PUT /update/{proxy+}', 'kck-update', '2.0'],
    ])
    const [stage] = ofType(service, 'AWS::ApiGatewayV2::Stage')
    expect(stage?.Properties).toMatchObject({
      StageName: '$default',
      DefaultRouteSettings: { ThrottlingBurstLimit: 1000, ThrottlingRateLimit: 2000 },
    })
    expect(JSON.parse(stage?.Properties.AccessLogSettings.Format)).toMatchObject({ requestId: '$context.requestId' })
  })

  it('lets in tokens of a user pool that is made where the project names nobody', () => {
    const [pool] = ofType(service, 'AWS::Cognito::UserPool')
    const { KCK_AUTH_USER_POOL_ID, KCK_AUTH_CLIENT_ID } = functionOf('fetch').Properties.Environment.Variables
    expect(KCK_AUTH_USER_POOL_ID).toEqual({ Ref: pool?.id })
    const clients = ofType(service, 'AWS::Cognito::UserPoolClient')
    expect(flat(KCK_AUTH_CLIENT_ID)).toBe(clients.map(({ id }) => `<${id}>`).join(','))
    expect(clients.map(({ Properties }) => Properties.AllowedOAuthScopes.map(flat).map(scopeOf))).toEqual([
      ['read'],
      ['read', 'admin'],
    ])
    expect(pool?.Properties.AdminCreateUserConfig.AllowAdminCreateUserOnly).toBe(true)
  })
})

const scopeOf = (scope: string) => scope.slice(scope.lastIndexOf('/') + 1)

describe('rights', () => accessTests(() => made))

describe('the schedules', () => {
  const schedules = () => ofType(service, 'AWS::Scheduler::Schedule').map(({ Properties }) => Properties)

  it('are those of the definitions, and one for each minute', () => {
    const found = schedules().map(({ Name, ScheduleExpression, ScheduleExpressionTimezone, Target }) => [
      Name,
      ScheduleExpression,
      ScheduleExpressionTimezone,
      JSON.parse(Target.Input),
    ])
    // Every seven minutes is nothing that EventBridge can count from 1970: the tick of every minute does it.
    expect(found.sort()).toEqual([
      ['every-minute', 'rate(1 minute)', 'UTC', {}],
      [
        'primer-active_customers',
        'cron(0 3 ? * MON,TUE,WED,THU,FRI *)',
        'Europe/Berlin',
        { job: 'primer/active_customers' },
      ],
      ['primer-customer_orders', 'cron(0/15 * * * ? *)', 'UTC', { job: 'primer/customer_orders' }],
    ])
  })

  it('are not made up for by Lambda: the next minute does what one could not', () => {
    const [config] = ofType(service, 'AWS::Lambda::EventInvokeConfig')
    expect(config?.Properties).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 })
  })

  it('wake the process worker, and what could not be fired waits in a queue', () => {
    const worker = ofType(service, 'AWS::Lambda::Function').find(
      ({ Properties }) => Properties.FunctionName === 'kck-process-worker',
    )
    const dead = ofType(service, 'AWS::SQS::Queue').find(
      ({ Properties }) => Properties.QueueName === 'kck-schedules-dead',
    )
    for (const { Target } of schedules()) {
      expect(Target.Arn).toEqual({ 'Fn::GetAtt': [worker?.id, 'Arn'] })
      expect(Target.DeadLetterConfig.Arn).toEqual({ 'Fn::GetAtt': [dead?.id, 'Arn'] })
    }
  })
})

describe('the deploy hook', () => {
  it('is called when the code, the primers or the databases change, after all that it needs', () => {
    const [hook] = ofType(service, 'Custom::KckDeployment')
    expect(hook?.Properties).toMatchObject({ Deployment: expect.stringMatching(/^[\w-]{16}$/) })
    expect(hook?.Properties.Databases).toHaveLength(1)
    const version = flat(hook?.Properties.Version)
    expect(version).toMatch(/deployCurrentVersion\w+\.Version>$/)
    const needs = (hook as unknown as { DependsOn: string[] }).DependsOn
    const mappings = ofType(service, 'AWS::Lambda::EventSourceMapping').map(({ id }) => id)
    expect(needs).toEqual(expect.arrayContaining(mappings))
  })
})

describe('between the stacks', () => {
  it('only the secrets are handed over by reference', () => {
    const text = JSON.stringify(service)
    const outputs = [...text.matchAll(/"OutputName":"(\w+)"/g)].map(([, name]) => name)
    expect(new Set(outputs).size).toBe(3)
    for (const name of outputs) expect(name).toMatch(/Secret/)
  })
})
