import { Connection, getRequest, putRequest } from './client.ts'
import { percentile } from './statistics.ts'

/** One order of each customer, whose status is written, and the products that are read. */
export interface MixedLoad {
  readonly port: number
  /** By customer, from customer 1 on: the order that is written. */
  readonly orders: readonly number[]
  /** Products whose statistics are read. */
  readonly products: number
  readonly connections: number
  readonly seconds: number
  /** Headers of every write, each ended by CRLF. */
  readonly writeHeaders: string
}

export interface MixedResult {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly readP99: number
  readonly writeP99: number
  readonly failed: number
  /** Reads of orders that were looked at, and those of them that lacked a write which was answered before they began. */
  readonly looked: number
  readonly stale: number
  /** Milliseconds since the oldest write that a read lacked was answered; 0 without any such read. */
  readonly staleP99: number
}

const WRITES = 0.05
/** Reads of product statistics among all reads. */
const STATS = 0.1
/** Parsing every answer would cost more than making the load. */
const LOOKED_AT = 0.05

/** 95% reads with a Zipf distribution, 5% writes, as fast as the connections allow. */
export async function mixedLoad(load: MixedLoad): Promise<MixedResult> {
  const { port, orders, products, connections, seconds } = load
  const customer = zipf(orders.length)
  const product = zipf(products)
  const answered = orders.map((): number[] => [])
  const written = orders.map(() => 0)
  const busy = new Set<number>()
  const [reads, writes, stale]: [number[], number[], number[]] = [[], [], []]
  let [failed, looked] = [0, 0]
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(port)))

  const write = async (connection: Connection, index: number) => {
    const number = (written[index] ?? 0) + 1
    written[index] = number
    const body = JSON.stringify({ order_id: orders[index], status: `s${number}` })
    const path = `/update/pressure_status/${index + 1}`
    const { status, ms } = await connection.send(putRequest(path, 'application/json', body, load.writeHeaders))
    if (status < 200 || status > 299) failed += 1
    else (answered[index] as number[])[number] = performance.now()
    writes.push(ms)
  }
  const read = async (connection: Connection, path: string, index: number | null) => {
    const began = performance.now()
    const { status, ms, body } = await connection.send(getRequest(path))
    reads.push(ms)
    if (status < 200 || status > 299) failed += 1
    else if (index !== null && Math.random() < LOOKED_AT) {
      looked += 1
      const lacked = oldestLacked(body, orders[index] as number, answered[index] as number[], began)
      if (lacked !== null) stale.push(began - lacked)
    }
  }

  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < until) {
        const index = customer()
        if (Math.random() < WRITES && !busy.has(index)) {
          // One at a time for each order, so that it is known which write is the newer one.
          busy.add(index)
          await write(connection, index)
          busy.delete(index)
        } else if (Math.random() < STATS) await read(connection, `/fetch/product_stats/${product() + 1}`, null)
        else await read(connection, `/fetch/recent_orders/${index + 1}`, index)
      }
    }),
  )
  const took = performance.now() - began
  for (const connection of open) connection.close()
  const requests = reads.length + writes.length
  return {
    requests,
    requestsPerSecond: (requests * 1000) / took,
    readP99: percentile(reads, 0.99),
    writeP99: percentile(writes, 0.99),
    failed,
    looked,
    stale: stale.length,
    staleP99: stale.length === 0 ? 0 : percentile(stale, 0.99),
  }
}

/** When the oldest write was answered that this read should have seen and has not; null: it lacks none. */
function oldestLacked(body: string, order: number, answered: readonly number[], began: number): number | null {
  const rows = (JSON.parse(body) as { value: readonly { order_id: number; status: string }[] }).value
  const status = rows.find((row) => row.order_id === order)?.status ?? ''
  const seen = /^s(\d+)$/.exec(status)?.[1]
  const next = answered.find((at, number) => number > Number(seen ?? 0) && at !== undefined && at < began)
  return next ?? null
}

/** Numbers from 0 to `count - 1`, the first ones much more often. */
function zipf(count: number): () => number {
  const sums: number[] = []
  let sum = 0
  for (let rank = 1; rank <= count; rank++) {
    sum += 1 / rank
    sums.push(sum)
  }
  return () => {
    const at = Math.random() * sum
    let [low, high] = [0, count - 1]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sums[middle] as number) < at) low = middle + 1
      else high = middle
    }
    return low
  }
}
