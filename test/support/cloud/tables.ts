import { Client } from 'cassandra-driver'
import type { CassandraAddress } from '../cassandra/start.ts'
import type { Templates } from './templates.ts'

interface Column {
  readonly ColumnName: string
  readonly ColumnType: string
}

interface TableProperties {
  readonly TableName: string
  readonly PartitionKeyColumns: readonly Column[]
  readonly ClusteringKeyColumns?: readonly { readonly Column: Column; readonly OrderBy?: 'ASC' | 'DESC' }[]
  readonly RegularColumns?: readonly Column[]
  readonly DefaultTimeToLive?: number
}

export interface Keyspace {
  drop(): Promise<void>
}

/** Makes the tables of the templates in a new keyspace, as CloudFormation would in Amazon Keyspaces. */
export async function createTables(templates: Templates, cassandra: CassandraAddress, name: string): Promise<Keyspace> {
  const client = new Client({
    contactPoints: [...cassandra.contactPoints],
    localDataCenter: cassandra.localDataCenter,
    protocolOptions: { port: cassandra.port, maxVersion: 4 },
    isMetadataSyncEnabled: false,
    socketOptions: { readTimeout: 60_000 },
  })
  await client.execute(
    `CREATE KEYSPACE ${name} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  )
  for (const table of templates.ofType('AWS::Cassandra::Table')) {
    await client.execute(createTable(name, templates.resolved(table) as TableProperties))
  }
  return {
    async drop() {
      await client.execute(`DROP KEYSPACE IF EXISTS ${name}`)
      await client.shutdown()
    },
  }
}

function createTable(keyspace: string, table: TableProperties): string {
  const clustering = table.ClusteringKeyColumns ?? []
  const columns = [
    ...table.PartitionKeyColumns,
    ...clustering.map(({ Column: column }) => column),
    ...(table.RegularColumns ?? []),
  ]
  const list = (named: readonly Column[]) => named.map(({ ColumnName }) => ColumnName).join(', ')
  const key = [`(${list(table.PartitionKeyColumns)})`, ...clustering.map(({ Column: { ColumnName } }) => ColumnName)]
  const orders = clustering.map(({ Column: { ColumnName }, OrderBy = 'ASC' }) => `${ColumnName} ${OrderBy}`)
  const options = [
    `default_time_to_live = ${table.DefaultTimeToLive ?? 0}`,
    'gc_grace_seconds = 3600',
    ...(orders.length > 0 ? [`CLUSTERING ORDER BY (${orders.join(', ')})`] : []),
  ]
  const definitions = columns.map(({ ColumnName, ColumnType }) => `${ColumnName} ${ColumnType}`)
  return `CREATE TABLE ${keyspace}.${table.TableName} (${definitions.join(', ')}, PRIMARY KEY (${key.join(', ')})) WITH ${options.join(' AND ')}`
}
