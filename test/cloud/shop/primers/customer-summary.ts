import { int, primer } from 'kck'
import orders from './orders.sql'

/** How many orders a customer has, and what they come to. */
export const customerSummary = primer({
  name: 'customer_summary',
  parameters: { customer: int() },
  softTtl: '1h',
  async compute({ get }, { customer }) {
    const all = await get(orders, { customer })
    return { orders: all.length, total: all.reduce((sum, { amount }) => sum + Number(amount), 0) }
  },
})
