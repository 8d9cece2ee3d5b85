import { describe, expect, it } from 'vitest'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { primerFromYaml } from '../../../src/primer/yaml-primer.ts'
import { chooseStatement, validateBody } from '../../../src/updater/body.ts'
import { updaterFromYaml } from '../../../src/updater/yaml-updater.ts'

// The files that the original KCK 0.6.3 is measured with (`bench`), in their own words.
const CUSTOMER_ORDERS = `name: customer_orders_dep
database: src
parameters:
  - name: customer_id
    type: int
query:
  type: dicts
  template: >
    SELECT o.order_id, p.name AS product, o.qty, p.price::float8 AS price, o.status, o.ordered_at::text AS ordered_at
    FROM orders o JOIN products p USING (product_id)
    WHERE o.customer_id = :customer_id ORDER BY o.ordered_at DESC, o.order_id
refresh:
  after_updates:
    - order_status/:customer_id
`
const ORDER_STATUS = `name: order_status
database: src
parameters:
  - name: order_id
    type: int
    primary_key: true
  - name: status
    type: string
query:
  template:
    update: UPDATE orders SET status = :status WHERE order_id = :order_id
    insert: SELECT 1
`

describe('the original’s files together', () => {
  const orders = primerFromYaml(CUSTOMER_ORDERS, 'kprimers/customer_orders_dep.yml')
  const status = updaterFromYaml(ORDER_STATUS, 'kupdaters/order_status.yml')
  const registry = createRegistry({ primers: [orders], updaters: [status] })

  it('names the segments of the URL in the words of after_updates', () => {
    const target = registry.parseUpdaterKey('order_status/17')
    expect(target).toEqual({ updater: status, parameters: {}, segments: ['17'] })
    const body = validateBody(status, { order_id: '5', status: 'shipped' })
    expect(body).toEqual({ order_id: 5, status: 'shipped' })
    expect(chooseStatement(status, { key: target.parameters, body })).toEqual({
      mode: 'update',
      statement: status.update,
    })
    expect(registry.changedBy(status, body, target.segments).map(({ text }) => text)).toEqual([
      'customer_orders_dep/17',
    ])
  })

  it('takes the names from the row when the URL has none, and says so when nobody has them', () => {
    expect(registry.changedBy(status, { customer_id: 9 }, null).map(({ text }) => text)).toEqual([
      'customer_orders_dep/9',
    ])
    expect(() => registry.changedBy(status, { order_id: 5 }, null)).toThrow(
      expect.objectContaining({
        code: 'BAD_REQUEST',
        message: expect.stringContaining('/update/order_status/{customer_id}'),
      }),
    )
    // Before anything is written.
    expect(() => registry.parseUpdaterKey('order_status/x')).toThrow(
      expect.objectContaining({ code: 'BAD_PARAMETER', details: { parameter: 'customer_id' } }),
    )
  })

  it('inserts when the body does not name the row', () => {
    const body = validateBody(status, {})
    expect(body).toEqual({ order_id: null, status: null })
    expect(chooseStatement(status, { key: null, body })).toMatchObject({ mode: 'insert' })
    // What the statement that runs needs must be there.
    expect(() => validateBody(status, { order_id: 5 })).toThrow(/"status" is missing/)
  })
})
