import { expect, it } from 'vitest'
import { flat, ofType, type Synthesized } from '../support/infra/synth.ts'

interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: unknown
}

/** Everything that a role may do: `action resource`, the names of the account left out. */
function rightsOf(made: Synthesized, role: string): readonly string[] {
  const policies = ofType(made.service, 'AWS::IAM::Policy').filter(({ Properties }) =>
    Properties.Roles.some(({ Ref }: { Ref: string }) => Ref.includes(role)),
  )
  expect(policies).toHaveLength(1)
  return policies
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement as readonly Statement[])
    .flatMap(({ Effect, Action, Resource }) => {
      expect(Effect).toBe('Allow')
      return list(Action).flatMap((action) => list(Resource).map((resource) => `${action} ${short(flat(resource))}`))
    })
    .sort()
}

const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [value]) as readonly string[]

const short = (resource: string): string =>
  resource
    .replace(/^arn:<AWS::Partition>:/, '')
    .replace(':<AWS::Region>:<AWS::AccountId>:', ':')
    .replace(/<ServiceQueues([a-z]+)[0-9A-F]{8}\.Arn>/, 'queue $1')
    .replace(/<ServiceFunctions([a-z]+)[0-9A-F]{8}\.Arn>/, 'function $1')
    .replace(/<kck-data\.\w*Cluster(reader|writer)?SecretAttachment\w+>/, (_, user = 'admin') => `password of ${user}`)

const each = (actions: readonly string[], resources: readonly string[]): readonly string[] =>
  actions.flatMap((action) => resources.map((resource) => `${action} ${resource}`))

const tables = ['body_chunk', 'edge', 'entry', 'queued_write', 'register', 'work_item']
const lanes = ['queue hot', 'queue idle', 'queue normal']
const dataApi = ['BeginTransaction', 'CommitTransaction', 'ExecuteStatement', 'RollbackTransaction']

const ownLog = (name: string) =>
  each(['logs:CreateLogStream', 'logs:PutLogEvents'], [`logs:log-group:/aws/lambda/kck-${name}:*`])
const traces = each(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], ['*'])
const store = [
  ...each(
    ['cassandra:Modify', 'cassandra:Select'],
    tables.map((table) => `cassandra:/keyspace/kck/table/${table}`),
  ),
  'cassandra:Select cassandra:/keyspace/system*',
]
const bucket = 's3:::kck-<AWS::AccountId>-<AWS::Region>'
const replica = [
  ...each(
    ['cassandra:Modify', 'cassandra:Select'],
    ['log', 'update', 'key', 'chunk'].map((table) => `cassandra:/keyspace/kck/table/replica_${table}`),
  ),
  `s3:GetObject ${bucket}/replica/*`,
  `s3:ListBucket ${bucket}`,
]
const snapshots = each(['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:PutObject'], [`${bucket}/replica/*`])
const database = (...users: readonly string[]) => [
  ...each(
    dataApi.map((action) => `rds-data:${action}`),
    ['rds:cluster:kck'],
  ),
  ...each(
    ['secretsmanager:GetSecretValue'],
    users.map((user) => `password of ${user}`),
  ),
]
const bodies = each(['s3:GetObject', 's3:PutObject'], [`${bucket}/bodies/*`])
const send = each(['sqs:SendMessage'], lanes)
const measure = each(['sqs:GetQueueAttributes'], lanes)
const receive = each(['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:ReceiveMessage'], lanes)

const whole = (name: string, ...parts: readonly (readonly string[])[]) =>
  [...ownLog(name), ...traces, ...store, ...replica, ...parts.flat()].sort()

/** Lists every right of every function. */
export function accessTests(synthesized: () => Synthesized): void {
  const allowed = (role: string) => rightsOf(synthesized(), role)

  it('fetch reads the databases, keeps entries, and asks for refreshes', () => {
    expect(allowed('fetchrole')).toEqual(whole('fetch', send, measure, bodies, database('reader')))
  })

  it('update alone of those that answer requests has the password of the user that writes', () => {
    expect(allowed('updaterole')).toEqual(whole('update', send, bodies, database('writer')))
  })

  it('the refresh worker takes messages, and replaces them', () => {
    expect(allowed('refreshworkerrole')).toEqual(whole('refresh-worker', receive, measure, send, database('reader')))
  })

  it('the process worker runs the processes of the project, which may write, and alone takes snapshots', () => {
    const rights = whole('process-worker', send, measure, snapshots, database('writer'))
    expect(allowed('processworkerrole')).toEqual(rights)
  })

  it('the bucket is listed below replica/ only', () => {
    const statements = ofType(synthesized().service, 'AWS::IAM::Policy').flatMap(
      ({ Properties }) => Properties.PolicyDocument.Statement,
    )
    const listing = statements.filter(({ Action }) => Action === 's3:ListBucket')
    expect(listing).toHaveLength(6)
    for (const { Condition } of listing) expect(Condition).toEqual({ StringLike: { 's3:prefix': 'replica/*' } })
  })

  it('the function for announced changes marks entries, and asks no database', () => {
    const changes = receive.map((right) => right.replace(/queue \w+/, 'queue changes'))
    const taken = [...new Set(changes), 'sqs:GetQueueAttributes queue changes']
    expect(allowed('changerole')).toEqual(whole('change', send, taken))
  })

  it('the deploy hook makes the users of the databases', () => {
    expect(allowed('deployrole')).toEqual(whole('deploy', send, database('admin', 'reader', 'writer')))
  })

  it('the schedules wake one function', () => {
    expect(allowed('SchedulesRole')).toEqual([
      'lambda:InvokeFunction function processworker',
      'sqs:SendMessage queue schedulesdead',
    ])
  })

  it('nobody has a role or policy beside these', () => {
    expect(ofType(synthesized().service, 'AWS::IAM::Role')).toHaveLength(7)
    expect(ofType(synthesized().service, 'AWS::IAM::Policy')).toHaveLength(7)
    expect(ofType(synthesized().data, 'AWS::IAM::Role')).toEqual([])
    for (const { Properties } of ofType(synthesized().service, 'AWS::IAM::Role')) {
      expect(Properties.ManagedPolicyArns).toBeUndefined()
      expect(Properties.Policies).toBeUndefined()
    }
  })
}
