import { int } from '../../../src/key/scalar-types.ts'
import { string } from '../../../src/key/string-types.ts'
import { updater } from '../../../src/updater/updater.ts'

type Order = { readonly order_id: number }

/** The write of the benchmark `pressure`: it says whose order it was and of which product, and may wait. */
export default updater({
  name: 'pressure_status',
  key: { customer_id: int() },
  body: { order_id: int(), status: string() },
  source: 'main',
  update: 'update orders set status = :status where order_id = :order_id returning customer_id, product_id',
  changes: ['recent_orders/:customer_id'],
  coalesce: 'last',
  overlay: (value, { body }) =>
    (value as unknown as readonly Order[]).map((order) =>
      order.order_id === body.order_id ? { ...order, status: body.status } : order,
    ),
})
