import { Client } from 'cassandra-driver'
import { answerError, answerJson, idOf, options, serve } from './child.ts'

export interface CassandraOptions {
  readonly contactPoints: readonly string[]
  readonly port: number
  readonly localDataCenter: string
  readonly keyspace: string
}

/** The limit of Cassandra without a near cache: one prepared SELECT by key, its bytes handed on as they are. */
const { contactPoints, port, localDataCenter, keyspace } = options<CassandraOptions>()
const client = new Client({
  contactPoints: [...contactPoints],
  localDataCenter,
  keyspace,
  protocolOptions: { port, maxVersion: 4 },
})
await client.connect()

serve(async (request, response) => {
  try {
    const result = await client.execute('SELECT body FROM bare WHERE id = ?', [idOf(request.url)], { prepare: true })
    answerJson(response, result.rows[0]?.['body'])
  } catch (error) {
    answerError(response, error)
  }
})
