import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisDriver } from 'bentocache/drivers/redis'
import { Redis } from 'ioredis'
import pg from 'pg'
import { statementOf } from '../data/statements.ts'
import { answerError, answerJson, envelope, idOf, options, serve } from './child.ts'

export interface BentocacheOptions {
  readonly connectionString: string
  readonly poolSize: number
  readonly redisPort: number
}

/** A cache in memory in front of one in Redis, filled by the same query, in the way bentocache documents. */
const { connectionString, poolSize, redisPort } = options<BentocacheOptions>()
const pool = new pg.Pool({ connectionString, max: poolSize })
const cache = new BentoCache({
  default: 'main',
  stores: {
    main: bentostore()
      .useL1Layer(memoryDriver({ maxSize: '200mb', maxItems: 20_000 }))
      .useL2Layer(redisDriver({ connection: new Redis({ host: '127.0.0.1', port: redisPort }) })),
  },
})
const orders = { name: 'orders', text: statementOf('kprimers/customer_orders') }
const stats = { name: 'stats', text: statementOf('kprimers/product_stats') }
const update = { name: 'update', text: statementOf('kupdaters/order_status') }

serve(async (request, response) => {
  const url = request.url ?? ''
  try {
    if (request.method === 'PUT') {
      const { order_id, status } = JSON.parse(Buffer.concat(await request.toArray()).toString())
      const { rowCount } = await pool.query({ ...update, values: [order_id, status] })
      await cache.delete({ key: `recent_orders/${idOf(url)}` })
      answerJson(response, JSON.stringify({ rowCount }))
      return
    }
    const key = url.slice('/fetch/'.length)
    const statement = key.startsWith('product_stats/') ? stats : orders
    const factory = async () => (await pool.query({ ...statement, values: [idOf(url)] })).rows
    answerJson(response, envelope(key, await cache.getOrSet({ key, ttl: '1h', factory })))
  } catch (error) {
    answerError(response, error)
  }
})
