import { ArnFormat, Aws, aws_iam as iam, Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { acknowledgeWildcard } from './acknowledge.ts'
import { tableArn } from './keyspace.ts'

/** What the functions work with. ARNs and names. */
export interface Things {
  readonly tableArns: readonly string[]
  readonly sources: Readonly<Record<string, SourceAccess>>
  /** Of the lanes. */
  readonly queueArns: readonly string[]
  readonly bucketName: string
  /** Of the log that replicas follow; none where nothing is replicated. */
  readonly logTableArns: readonly string[]
}

/** A database behind the Data API, and the secrets of its users. */
export interface SourceAccess {
  readonly clusterArn: string
  readonly database: string
  readonly readerSecretArn: string
  readonly writerSecretArn: string
  /** Of the user that may make the others; null: they are there already. */
  readonly adminSecretArn: string | null
}

interface Statement {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly conditions?: iam.Conditions
}

const DATA_API = ['ExecuteStatement', 'BeginTransaction', 'CommitTransaction', 'RollbackTransaction'].map(
  (action) => `rds-data:${action}`,
)

/** The entries, their edges, registers and log. A session of the driver begins with a look at the system's own tables. */
export function storeAccess(scope: Construct, { tableArns }: Things): readonly Statement[] {
  return [
    { actions: ['cassandra:Select', 'cassandra:Modify'], resources: [...tableArns] },
    { actions: ['cassandra:Select'], resources: [tableArn(scope, 'system*')] },
  ]
}

/** Statements with the password of one user. */
export function sourceAccess({ sources }: Things, user: 'reader' | 'writer'): readonly Statement[] {
  const all = Object.values(sources)
  if (all.length === 0) return []
  const secrets = all.map(({ readerSecretArn, writerSecretArn }) =>
    user === 'reader' ? readerSecretArn : writerSecretArn,
  )
  return [
    { actions: DATA_API, resources: unique(all.map(({ clusterArn }) => clusterArn)) },
    { actions: ['secretsmanager:GetSecretValue'], resources: unique(secrets) },
  ]
}

/** The deploy hook makes the other users, with their passwords. */
export function usersAccess({ sources }: Things): readonly Statement[] {
  const made = Object.values(sources).filter(({ adminSecretArn }) => adminSecretArn !== null)
  const secrets = made.flatMap(({ adminSecretArn, readerSecretArn, writerSecretArn }) => [
    adminSecretArn ?? '',
    readerSecretArn,
    writerSecretArn,
  ])
  if (secrets.length === 0) return []
  return [
    { actions: ['rds-data:ExecuteStatement'], resources: unique(made.map(({ clusterArn }) => clusterArn)) },
    { actions: ['secretsmanager:GetSecretValue'], resources: unique(secrets) },
  ]
}

export function sending({ queueArns }: Things): Statement {
  return { actions: ['sqs:SendMessage'], resources: [...queueArns] }
}

/** What Lambda itself does in the function's name, and what the worker does with a message it holds. */
export function receiving(queueArns: readonly string[]): Statement {
  const actions = ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes']
  return { actions: actions.map((action) => `sqs:${action}`), resources: queueArns }
}

export function measuring({ queueArns }: Things): Statement {
  return { actions: ['sqs:GetQueueAttributes'], resources: [...queueArns] }
}

/** A link gives its holder what its maker may. */
export function largeBodies({ bucketName }: Things): Statement {
  return { actions: ['s3:PutObject', 's3:GetObject'], resources: [`arn:${Aws.PARTITION}:s3:::${bucketName}/bodies/*`] }
}

/** To follow the log, to write what changed into it, and to begin with a snapshot. */
export function replicaAccess({ logTableArns, bucketName }: Things): readonly Statement[] {
  if (logTableArns.length === 0) return []
  const bucket = `arn:${Aws.PARTITION}:s3:::${bucketName}`
  return [
    { actions: ['cassandra:Select', 'cassandra:Modify'], resources: [...logTableArns] },
    { actions: ['s3:GetObject'], resources: [`${bucket}/replica/*`] },
    { actions: ['s3:ListBucket'], resources: [bucket], conditions: { StringLike: { 's3:prefix': 'replica/*' } } },
  ]
}

/** To take snapshots, and to remove the oldest. */
export function snapshotAccess({ logTableArns, bucketName }: Things): readonly Statement[] {
  if (logTableArns.length === 0) return []
  const actions = ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload']
  return [{ actions, resources: [`arn:${Aws.PARTITION}:s3:::${bucketName}/replica/*`] }]
}

const unique = (arns: readonly string[]): string[] => [...new Set(arns)]

/** A role that may write to its own log and do what is listed, and nothing else. */
export function roleOf(
  scope: Construct,
  id: string,
  props: { readonly description: string; readonly logGroupName: string; readonly statements: readonly Statement[] },
): iam.Role {
  const role = new iam.Role(scope, id, {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    description: props.description,
  })
  const logs = {
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logStreamsOf(scope, props.logGroupName)],
  }
  const statements: readonly Statement[] = [logs, ...props.statements]
  for (const { actions, resources, conditions } of statements) {
    const more = conditions ? { conditions } : {}
    role.addToPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [...resources], ...more }))
    for (const resource of resources.filter((arn) => arn.endsWith('*'))) acknowledgeWildcard(role, resource, WHY)
  }
  return role
}

const WHY =
  'Log streams, the system tables of Keyspaces, objects below bodies/ and replica/ and traces have no narrower name'

function logStreamsOf(scope: Construct, logGroupName: string): string {
  const arn = { service: 'logs', resource: 'log-group', resourceName: `${logGroupName}:*` }
  return Stack.of(scope).formatArn({ ...arn, arnFormat: ArnFormat.COLON_RESOURCE_NAME })
}

/** Traces have no resource. */
export const tracing: Statement = { actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], resources: ['*'] }
