import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Kck } from '../../src/kck/kck.ts'
import type { Source } from '../../src/ports/source.ts'
import { type RawRequest, send } from '../support/http-client.ts'
import { createRealKck, openShop } from '../support/http-real-kck.ts'
import { httpTargets, type RunningSystem } from '../support/http-targets.ts'

let shop: Source
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

describe.each(httpTargets)('the whole system behind the $name', ({ name, serve }) => {
  let kck: Kck
  let system: RunningSystem
  const ask = (request: RawRequest) => send(system.origin, request)

  beforeAll(async () => {
    kck = createRealKck(shop)
    system = await serve(kck)
  })
  afterAll(async () => {
    await system.close()
    await kck.close()
  })

  test('a miss is computed, the next fetch is a hit with the same bytes', async () => {
    const miss = await ask({ path: '/fetch/customer_orders/7' })
    expect(miss.status).toBe(200)
    expect(miss.json.value).toHaveLength(10)
    expect(miss.json.value[0]).toEqual({ id: 7, amount: '10.5' })
    expect(miss.headers['cache-status']).toMatch(/^kck; fwd=miss; stored/)
    const hit = await ask({ path: '/fetch/customer_orders/7' })
    expect(hit.headers['cache-status']).toMatch(/^kck; hit/)
    expect(hit.body.equals(miss.body)).toBe(true)
    expect(hit.headers['etag']).toBe(miss.headers['etag'])
  })

  test('an update is seen by a fetch that wants it, and the ETag changes with it', async () => {
    const before = await ask({ path: '/fetch/customer/7' })
    const written = await ask({
      method: 'PUT',
      path: '/update/customer/7',
      headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      body: `name=${encodeURIComponent(name)}&age=41`,
    })
    expect(written).toMatchObject({
      status: 200,
      json: { success: true, mode: 'update', rowCount: 1, rows: [{ id: 7, name }], changed: ['customer/7'] },
    })
    const after = await ask({ path: '/fetch/customer/7?max_stale=0' })
    expect(after.json.value).toEqual({ id: 7, name, age: 41 })
    expect(after.headers['etag']).not.toBe(before.headers['etag'])
    expect(after.json.version).toBeGreaterThan(before.json.version)
  })

  test('a row that does not exist: 404; a body that does not fit: 422, naming the field', async () => {
    const put = (path: string, body: string) =>
      ask({ method: 'PUT', path, headers: [['Content-Type', 'application/json']], body })
    expect(await put('/update/customer/8', '{"name":"x"}')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } })
    expect(await put('/update/customer/7', '{"age":"old"}')).toMatchObject({
      status: 422,
      json: { details: { field: 'age' } },
    })
  })

  test('a query that fails: 503 with Retry-After, and no SQL', async () => {
    const { status, headers, json, text } = await ask({ path: '/fetch/broken' })
    expect({ status, code: json.code }).toEqual({ status: 503, code: 'COMPUTE_FAILED' })
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(text).not.toMatch(/select|division/)
  })

  test('DELETE, ?purge and only-if-cached', async () => {
    await ask({ path: '/fetch/by_name/x' })
    expect((await ask({ method: 'DELETE', path: '/fetch/by_name/x?purge' })).json).toEqual({
      key: 'by_name/x',
      purged: true,
    })
    expect((await ask({ path: '/fetch/by_name/x?only_if_cached' })).status).toBe(504)
    expect((await ask({ method: 'POST', path: '/refresh/by_name/x' })).status).toBe(200)
    expect((await ask({ path: '/fetch/by_name/x?only_if_cached' })).status).toBe(200)
  })

  test('many keys', async () => {
    const body = JSON.stringify({ keys: ['customer_orders/1', 'broken', 'by_name/a%2Fb', 'customer_orders/x'] })
    const { json } = await ask({
      method: 'POST',
      path: '/fetch',
      headers: [['Content-Type', 'application/json']],
      body,
    })
    expect(json.results.map(({ status }: { status: number }) => status)).toEqual([200, 503, 200, 400])
  })

  test('describes itself, and is healthy', async () => {
    const { json } = await ask({ path: '/openapi.json' })
    expect(await new Validator().validate(json)).toMatchObject({ valid: true })
    expect(Object.keys(json.paths)).toContain('/update/customer/{id}')
    expect((await ask({ path: '/healthz' })).json.ok).toBe(true)
  })
})
