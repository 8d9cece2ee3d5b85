import { int, primer } from 'kck'
import orders from './orders.sql'

/** A customer's own orders: the token says whose. */
export const myOrders = primer({
  name: 'my_orders',
  parameters: { customer: int({ claim: 'customer' }) },
  access: 'authenticated',
  compute: ({ get }, { customer }) => get(orders, { customer }),
})
