import type { aws_cassandra as cassandra } from 'aws-cdk-lib'

type Columns = Pick<cassandra.CfnTableProps, 'partitionKeyColumns' | 'clusteringKeyColumns' | 'regularColumns'>

/** The columns of a table from what `CREATE TABLE` says of them, so that they are written down once only. */
export function columnsOf(table: string, cql: string): Columns {
  const [, definitions = '', partition, clustering = ''] =
    /^\s*\((.*),\s*PRIMARY KEY\s*\(\(([^)]*)\)(.*)\)\)\s*$/s.exec(cql) ?? []
  if (partition === undefined) throw new Error(`The columns of the table ${table} cannot be read`)
  const types = new Map(definitions.split(',').map((text) => text.trim().split(/\s+/) as [string, string]))
  const names = (text: string) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
  const column = (columnName: string) => ({ columnName, columnType: types.get(columnName) ?? '' })
  const keys = [...names(partition), ...names(clustering)]
  return {
    partitionKeyColumns: names(partition).map(column),
    clusteringKeyColumns: names(clustering).map((name) => ({ column: column(name), orderBy: 'ASC' })),
    regularColumns: [...types.keys()].filter((name) => !keys.includes(name)).map(column),
  }
}
