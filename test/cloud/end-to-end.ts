import { expect, test } from 'vitest'
import type { Target } from '../support/cloud/target.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any
}

type Asking = RequestInit & { readonly token?: string }

/** What people use, from the outside, the same for every way to run it. `target` is there when the tests run. */
export function endToEnd(target: () => Target): void {
  async function ask(path: string, { token, ...init }: Asking = {}): Promise<Answer> {
    const headers = new Headers(init.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const answer = await fetch(`${target().url}${path}`, { ...init, headers })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json')
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text }
  }

  const value = async (key: string) => (await ask(`/fetch/${key}`)).body.value

  async function update(path: string, body: object): Promise<Answer> {
    const headers = { 'content-type': 'application/json' }
    const token = await target().token()
    return ask(`/update/${path}`, { method: 'PUT', headers, body: JSON.stringify(body), token })
  }

  const patience = { timeout: 40_000, interval: 100 }

  test('fetch: a product is computed once, then served as it was stored', async () => {
    const { status, headers, body } = await ask('/fetch/orders/1')
    expect(status).toBe(200)
    expect(body).toMatchObject({ key: 'orders/1', version: expect.any(Number) })
    expect(body.value).toHaveLength(10)
    expect(body.value[0]).toEqual({ id: 1, amount: '1.5' })
    const again = () => ask('/fetch/orders/1', { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    await expect.poll(async () => (await again()).status, patience).toBe(304)
    await expect.poll(async () => (await ask('/fetch/orders/1')).headers.get('cache-status'), patience).toContain('hit')
  })

  test('fetch: many keys at once, and what does not exist is said so', async () => {
    const keys = ['orders/1', 'orders/2', 'nonsense/1']
    const headers = { 'content-type': 'application/json' }
    const { status, body } = await ask('/fetch', { method: 'POST', headers, body: JSON.stringify({ keys }) })
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toContain('orders/2')
    const missing = await ask('/fetch/nonsense/1')
    expect(missing.status).toBe(404)
    expect(missing.headers.get('content-type')).toContain('application/problem+json')
  })

  test('boot: what is to be there from the first moment is there', async () => {
    await expect.poll(() => value('catalog'), patience).toHaveLength(10)
  })

  test('update: it changes the database, and what was made from it follows, to the top', async () => {
    expect(await value('customer_summary/3')).toEqual({ orders: 10, total: 720 })
    const { status } = await update('order/3', { amount: 0.5 })
    expect(status).toBe(200)
    expect(await target().query('select count(*)::int from orders where customer = 3')).toEqual([{ count: 11 }])
    await expect.poll(() => value('customer_summary/3'), patience).toEqual({ orders: 11, total: 720.5 })
    await expect.poll(() => value('orders/3'), patience).toHaveLength(11)
  })

  /** The answer to a fetch that must have seen a write; who is only starting may need a second try. */
  async function after(write: Answer, key: string): Promise<unknown> {
    const headers = { 'kck-after': write.headers.get('kck-after') ?? '', 'kck-timeout': '20' }
    let answer = await ask(`/fetch/${key}`, { headers })
    await expect
      .poll(async () => {
        if (answer.status === 503 || answer.status === 504) answer = await ask(`/fetch/${key}`, { headers })
        return answer.status
      }, patience)
      .toBe(200)
    return answer.body.value
  }

  test('read-your-writes: who carries the token of a write sees it at once, to the top', async () => {
    expect(await value('customer_summary/7')).toEqual({ orders: 10, total: 780 })
    const written = await update('order/7', { amount: 0.5 })
    expect([written.status, written.body.after]).toEqual([200, written.headers.get('kck-after')])
    expect(await after(written, 'customer_summary/7')).toEqual({ orders: 11, total: 780.5 })
    expect((await ask('/fetch/orders/7', { headers: { 'kck-after': 'yesterday' } })).status).toBe(400)
  })

  test('changed: what was written past it is announced, by those who may', async () => {
    expect(await value('customer_summary/2')).toEqual({ orders: 10, total: 705 })
    expect(await value('orders/6')).toHaveLength(10)
    await target().query('insert into orders (customer, amount) values (2, 0.5) returning id')
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'order-2' }
    const body = JSON.stringify({ table: 'orders', rows: [{ customer: 2 }] })
    const announce = async (scopes: readonly string[]) =>
      ask('/changed', { method: 'POST', headers, body, token: await target().token({ scopes }) })
    expect((await announce(['kck/other'])).status).toBe(403)
    const changed = await announce(['kck/change'])
    expect(changed.body).toMatchObject({ keys: expect.arrayContaining(['orders/2', 'customer_summary/2']) })
    expect(changed.body.keys).not.toContain('orders/6')
    expect(await after(changed, 'customer_summary/2')).toEqual({ orders: 11, total: 705.5 })
    expect((await announce(['kck/change'])).body).toEqual(changed.body)
  })

  test('cached write: it is accepted at once, and applied by whatever works in the background', async () => {
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
    const token = await target().token()
    const write = (id: number, stock: number) =>
      ask(`/update/stock/${id}`, { method: 'PUT', headers, body: JSON.stringify({ stock }), token })
    const untilAccepted = async (id: number, stock: number) => {
      let answer = await write(id, stock)
      // Functions that start may find nobody at home for a moment.
      await expect
        .poll(async () => {
          if (answer.status !== 202) answer = await write(id, stock)
          return answer.status
        }, patience)
        .toBe(202)
      return answer
    }
    const accepted = [await untilAccepted(8, 21), await untilAccepted(8, 22), await untilAccepted(4711, 1)]
    const state = async (answer: Answer) => (await ask(answer.headers.get('location') ?? '', { token })).body.state
    const states = async () => {
      await target().runSchedules()
      return Promise.all(accepted.map(state))
    }
    await expect.poll(states, patience).toEqual(['applied', 'applied', 'parked'])
    expect(await target().query('select stock from item where id = 8')).toEqual([{ stock: 22 }])
    expect((await ask(accepted[0]?.headers.get('location') ?? '')).status).toBe(401)
  })

  test('replica: what is replicated is answered from the copy at hand, and follows what changes', async () => {
    const read = async () => {
      const { headers, body } = await ask('/fetch/packs/3')
      return [headers.get('cache-status')?.includes('detail=replica'), body.value]
    }
    await expect.poll(read, patience).toEqual([true, 18])
    expect((await update('stock/3', { stock: 4 })).status).toBe(200)
    await expect.poll(read, patience).toEqual([true, 24])
  })

  test('update: whoever may not, must not', async () => {
    const body = JSON.stringify({ amount: 1 })
    const headers = { 'content-type': 'application/json' }
    expect((await ask('/update/order/4', { method: 'PUT', headers, body })).status).toBe(401)
    expect(await target().query('select count(*)::int from orders where customer = 4')).toEqual([{ count: 10 }])
  })

  test('JWT: a product is for whom its token names, while it lasts', async () => {
    const claims = { customer: 5 }
    const mine = await ask('/fetch/my_orders/5', { token: await target().token({ claims }) })
    expect(mine.status).toBe(200)
    expect(mine.body.value).toHaveLength(10)
    expect((await ask('/fetch/my_orders/5')).status).toBe(401)
    expect((await ask('/fetch/my_orders/6', { token: await target().token({ claims }) })).status).toBe(403)
    const [head, payload] = (await target().token({ claims })).split('.')
    expect((await ask('/fetch/my_orders/5', { token: `${head}.${payload}.c2lnbmVk` })).status).toBe(401)
    const reader = await target().token()
    expect((await ask('/refresh/orders/1', { method: 'POST', token: reader })).status).toBe(403)
  })

  test('schedule: what is due is computed, without a question', async () => {
    await target().runSchedules()
    await expect.poll(() => value('sold'), patience).toMatchObject({ orders: expect.any(Number) })
    const { at } = await value('sold')
    const later = async () => {
      await target().runSchedules()
      return (await value('sold')).at
    }
    await expect.poll(later, patience).not.toBe(at)
  })

  test('failure: the last good value stays until there is a better one, and no secret gets out', async () => {
    expect(await value('share/5')).toBe(20)
    await update('stock/5', { stock: 0 })
    await expect.poll(async () => (await ask('/fetch/share/5')).headers.get('kck-state'), patience).not.toBe('fresh')
    expect(await value('share/5')).toBe(20)
    await update('stock/6', { stock: 0 })
    const never = await ask('/fetch/share/6')
    expect(never.status).toBeGreaterThanOrEqual(500)
    expect(never.headers.get('content-type')).toContain('application/problem+json')
    expect(JSON.stringify(never.body)).not.toMatch(/select|stock|postgres|\.ts:/i)
    await update('stock/5', { stock: 10 })
    await expect.poll(() => value('share/5'), patience).toBe(10)
  })

  test('redrive: a product that failed is tried again when an administrator says so', async () => {
    expect(await value('share/7')).toBe(14)
    await update('stock/7', { stock: 0 })
    await expect.poll(async () => (await ask('/fetch/share/7')).headers.get('kck-state'), patience).not.toBe('fresh')
    await target().query('update item set stock = 50 where id = 7')
    const admin = await target().token({ scopes: ['kck/admin'] })
    const { status } = await ask('/refresh/share/7', { method: 'POST', token: admin })
    expect(status).toBeLessThan(300)
    await expect.poll(() => value('share/7'), patience).toBe(2)
  })

  test.each([
    ['10 MiB that compress well', 'smooth/10', 10],
    ['8 MiB that do not', 'rough/8', 8],
  ])('large body: %s arrive', async (_, key, mib) => {
    expect(await value(key)).toHaveLength(mib * 2 ** 20)
    const plain = await ask(`/fetch/${key}`, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.body.value).toHaveLength(mib * 2 ** 20)
  })

  test('restart: every part goes and comes back, and nothing is lost', async () => {
    let orders = 10
    for (const [name, part] of Object.entries(target().parts)) {
      expect(await value('orders/8'), name).toHaveLength(orders)
      await part.stop()
      await part.start()
      await expect.poll(async () => (await update('order/8', { amount: 1 })).status, patience).toBe(200)
      orders = (await target().query('select 1 from orders where customer = 8')).length
      await expect.poll(() => value('orders/8'), { ...patience, message: name }).toHaveLength(orders)
    }
  }, 120_000)
}
