import { ArnFormat, aws_cassandra as cassandra, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import { columnsOf } from './tables.ts'

export interface KckKeyspaceProps {
  /** 2 to 48 lower-case letters, digits and `_`, a letter first. */
  readonly keyspaceName: string
  /** It is there already. */
  readonly exists: boolean
  /** They are there too, and nothing is made. */
  readonly hasTables: boolean
  /** By name, as `CREATE TABLE` has their columns. */
  readonly tables: Readonly<Record<string, string>>
}

/**
 * TTL works only in a table that has a default. Every write says itself how long it lives, so this one, ten years, is
 * never used.
 */
const DEFAULT_TTL_S = 315_360_000

/** The store: on demand, encrypted, restorable to any second of the last 35 days, and kept when the stack goes. */
export class KckKeyspace extends Construct {
  readonly keyspaceName: string
  /** Of the tables, by their names. */
  readonly arns: Readonly<Record<string, string>>

  constructor(scope: Construct, id: string, { keyspaceName, exists, hasTables, tables }: KckKeyspaceProps) {
    super(scope, id)
    this.keyspaceName = keyspaceName
    const keyspace = exists ? null : new cassandra.CfnKeyspace(this, 'Keyspace', { keyspaceName })
    keyspace?.applyRemovalPolicy(RemovalPolicy.RETAIN)
    for (const [tableName, cql] of hasTables ? [] : Object.entries(tables)) {
      const table = new cassandra.CfnTable(this, tableName, {
        keyspaceName,
        tableName,
        ...columnsOf(tableName, cql),
        billingMode: { mode: 'ON_DEMAND' },
        pointInTimeRecoveryEnabled: true,
        encryptionSpecification: { encryptionType: 'AWS_OWNED_KMS_KEY' },
        defaultTimeToLive: DEFAULT_TTL_S,
      })
      table.applyRemovalPolicy(RemovalPolicy.RETAIN)
      if (keyspace) table.addResourceDependency(keyspace)
    }
    const arnOf = (table: string) => tableArn(this, `${keyspaceName}/table/${table}`)
    this.arns = Object.fromEntries(Object.keys(tables).map((table) => [table, arnOf(table)]))
  }
}

/** With the leading slash that Keyspaces wants. */
export function tableArn(scope: Construct, name: string): string {
  return Stack.of(scope).formatArn({
    service: 'cassandra',
    resource: '',
    resourceName: `keyspace/${name}`,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  })
}
