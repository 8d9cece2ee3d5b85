import { int, primer, updater } from 'kck'
import { createTestSystem, STORMY } from 'kck/testing'
import { expect, test } from 'vitest'

const customerTotal = primer({
  name: 'customer_total',
  parameters: { customer_id: int() },
  source: 'shop',
  async compute({ sql }, { customer_id }) {
    const orders = await sql<{ amount: number }>('select amount from orders where customer_id = :customer_id', {
      customer_id,
    })
    return orders.reduce((sum, order) => sum + order.amount, 0)
  },
})

const order = updater({
  name: 'order',
  source: 'shop',
  body: { customer_id: int(), amount: int() },
  insert: 'insert into orders (customer_id, amount) values (:customer_id, :amount) returning customer_id, amount',
})

/** A shop whose orders are a list. */
function shop(seed: number) {
  const orders: { customer_id: number; amount: number }[] = []
  const system = createTestSystem({
    primers: [customerTotal],
    updaters: [order],
    seed,
    sources: {
      shop(text, values) {
        const customer_id = Number(values['customer_id'])
        if (text.startsWith('select')) return orders.filter((one) => one.customer_id === customer_id)
        orders.push({ customer_id, amount: Number(values['amount']) })
        return orders.slice(-1)
      },
    },
  })
  return { ...system, orders }
}

test('who was told that an order is in never reads a total without it', async () => {
  const { clock, start } = shop(1)
  const { kck } = start({ work: true })
  expect(await clock.run(kck.get('customer_total/7'))).toBe(0)
  await clock.run(kck.update('order', { customer_id: 7, amount: 10 }))
  expect((await clock.run(kck.fetch('customer_total/7'))).state).toBe('stale')
  await clock.advance(1_000)
  expect((await clock.run(kck.fetch('customer_total/7'))).state).toBe('fresh')
  expect(await clock.run(kck.get('customer_total/7'))).toBe(10)
})

test.each(Array.from({ length: 8 }, (_, index) => index + 1))('seed %i: totals are right in the end', async (seed) => {
  const { clock, start, orders } = shop(seed)
  const doomed = start({ faults: STORMY, work: true })
  const other = start({ faults: STORMY, work: true, skewMs: 2_000 })
  await clock.run(other.kck.get('customer_total/7').catch(() => undefined))
  for (const amount of [1, 2, 4]) void doomed.kck.update('order', { customer_id: 7, amount }).catch(() => undefined)
  await clock.advance(seed * 7)
  doomed.kill()
  other.calm()
  await clock.advance(300_000)
  const inTheEnd = orders.reduce((sum, { amount }) => sum + amount, 0)
  expect(await clock.run(other.kck.get('customer_total/7'))).toBe(inTheEnd)
  expect((await clock.run(other.kck.fetch('customer_total/7'))).state).toBe('fresh')
})
