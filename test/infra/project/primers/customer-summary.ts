import { int } from '../../../../src/key/scalar-types.ts'
import { primer } from '../../../../src/primer/primer.ts'
import customerOrders from './customer_orders.sql'

const total = (amounts: readonly number[]) => amounts.reduce((sum, amount) => sum + amount, 0)

export const customerSummary = primer({
  name: 'customer_summary',
  parameters: { customer_id: int() },
  softTtl: '5m',
  timeout: '10m',
  async compute({ get }, { customer_id }) {
    const orders = await get(customerOrders, { customer_id })
    return { orders: orders.length, total: total(orders.map(({ amount }) => amount)) }
  },
})
