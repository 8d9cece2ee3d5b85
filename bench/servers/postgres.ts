import pg from 'pg'
import { statementOf } from '../data/statements.ts'
import { answerError, answerJson, envelope, idOf, options, serve } from './child.ts'

export interface PostgresOptions {
  readonly connectionString: string
  readonly poolSize: number
}

/** No cache: a prepared statement for every request, through a pool; and writes past any cache. */
const { connectionString, poolSize } = options<PostgresOptions>()
const pool = new pg.Pool({ connectionString, max: poolSize })
const orders = { name: 'orders', text: statementOf('kprimers/customer_orders') }
const stats = { name: 'stats', text: statementOf('kprimers/product_stats') }
const update = { name: 'update', text: statementOf('kupdaters/order_status') }

serve(async (request, response) => {
  const url = request.url ?? ''
  try {
    if (request.method === 'PUT') {
      const { order_id, status } = JSON.parse(Buffer.concat(await request.toArray()).toString())
      const { rowCount } = await pool.query({ ...update, values: [order_id, status] })
      answerJson(response, JSON.stringify({ rowCount }))
      return
    }
    const statement = url.startsWith('/fetch/product_stats/') ? stats : orders
    const { rows } = await pool.query({ ...statement, values: [idOf(url)] })
    answerJson(response, envelope(url.slice('/fetch/'.length), rows))
  } catch (error) {
    answerError(response, error)
  }
})
