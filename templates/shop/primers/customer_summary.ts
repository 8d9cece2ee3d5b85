import { int, primer } from 'kck'
import customerOrders from './customer_orders.sql'

/** What a page about a customer shows. Computed anew when an order of this customer changes, and at no other time. */
export const customerSummary = primer({
  name: 'customer_summary',
  description: 'How many orders a customer has, and what they come to.',
  parameters: { customer_id: int() },
  softTtl: '1h',
  async compute({ get }, { customer_id }) {
    const orders = await get(customerOrders, { customer_id })
    return {
      orders: orders.length,
      totalCents: orders.reduce((sum, order) => sum + order.amount_cents, 0),
      open: orders.filter((order) => order.status !== 'sent').length,
    }
  },
})
