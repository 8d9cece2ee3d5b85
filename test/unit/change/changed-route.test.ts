import { describe, expect, test } from 'vitest'
import { markedAfter } from '../../../src/change/after.ts'
import { createEdge, type EdgeOptions } from '../../../src/http/edge.ts'
import type { EdgeRequest } from '../../../src/http/request.ts'
import { createFakeKck } from '../../support/fake-kck.ts'
import { openAuth, tokenAuth } from '../../support/http-auth.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

const request = (
  body: unknown,
  headers: readonly (readonly [string, string])[] = [],
  over: Partial<EdgeRequest> = {},
): EdgeRequest => ({
  method: 'POST',
  rawPath: '/changed',
  rawQuery: '',
  headers: [['content-type', 'application/json'], ...headers],
  requestId: 'r1',
  signal: new AbortController().signal,
  body: async () => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  ...over,
})

async function answerOf(edge: ReturnType<typeof createEdge>, asked: EdgeRequest) {
  const { status, headers, body } = await edge.handle(asked)
  const header = (name: string) => headers[headers.indexOf(name) + 1]
  return { status, header, json: JSON.parse(Buffer.from(body ?? []).toString()) }
}

function fake(over: Partial<EdgeOptions> = {}) {
  const { clock } = testKck([])
  const kck = createFakeKck({ clock })
  const edge = createEdge({ kck, clock, auth: openAuth, ...over })
  return { kck, post: (asked: EdgeRequest) => clock.run(answerOf(edge, asked)) }
}

describe('POST /changed', () => {
  test.each([
    [{ table: 'orders' }, { tables: [{ table: 'orders' }] }],
    [
      { table: 'sales.orders', source: 'shop', rows: [{ id: 1 }, { id: '2' }] },
      {
        tables: [
          { table: 'sales.orders', source: 'shop', row: { id: 1 } },
          { table: 'sales.orders', source: 'shop', row: { id: '2' } },
        ],
      },
    ],
    [
      { keys: ['customer_orders/7'], tags: ['prices'] },
      { keys: ['customer_orders/7'], tags: ['prices'] },
    ],
  ])('%j', async (body, change) => {
    const { kck, post } = fake()
    const { status, json, header } = await post(request(body))
    expect([status, json, kck.changes]).toEqual([200, { marked: 0, keys: [], after: json.after }, [change]])
    expect(header('kck-after')).toBe(json.after)
  })

  const many = (n: number) => Array.from({ length: n }, (_, index) => ({ id: index }))
  test.each<[unknown, string]>([
    [{}, 'table'],
    [{ rows: [{}] }, 'table'],
    [{ source: 'shop', keys: ['a'] }, 'table'],
    [{ table: '' }, 'table'],
    [{ table: 7 }, 'table'],
    [{ table: 'a\u0000b' }, 'table'],
    [{ table: 'orders', source: [] }, 'source'],
    [{ table: 'orders', rows: {} }, 'rows'],
    [{ table: 'orders', rows: [] }, 'rows'],
    [{ table: 'orders', rows: [null] }, 'rows'],
    [{ table: 'orders', rows: [[1]] }, 'rows'],
    [{ table: 'orders', rows: many(1_001) }, 'rows'],
    [{ table: 'orders', rows: [Object.fromEntries(many(101).map(({ id }) => [`c${id}`, 1]))] }, 'rows'],
    [{ keys: [] }, 'keys'],
    [{ keys: 'customer_orders/7' }, 'keys'],
    [{ keys: [7] }, 'keys'],
    [{ tags: [''] }, 'tags'],
    [{ table: 'orders', where: '1=1' }, 'where'],
  ])('%j is refused with 422', async (body, field) => {
    const { kck, post } = fake()
    const { status, json } = await post(request(body))
    expect({ status, code: json.code, field: json.details?.field, told: kck.changes }).toEqual({
      status: 422,
      code: 'INVALID_BODY',
      field,
      told: [],
    })
  })

  test.each([
    ['no JSON', request('{'), 422],
    ['a list', request([]), 422],
    ['half a character', request({ tags: ['\ud800'] }), 422],
    ['a field twice', request('{"table":"a","table":"b"}'), 422],
    ['a form', request('table=orders', [], { headers: [['content-type', 'application/x-www-form-urlencoded']] }), 415],
    ['another method', request({}, [], { method: 'PUT' }), 405],
    ['a key that is too long', request({ table: 'a' }, [['idempotency-key', 'x'.repeat(256)]]), 400],
    ['a key with a line break in it', request({ table: 'a' }, [['idempotency-key', 'a\u0007']]), 400],
    [
      'two keys',
      request({ table: 'a' }, [
        ['idempotency-key', 'a'],
        ['idempotency-key', 'b'],
      ]),
      400,
    ],
  ])('%s is refused', async (_, asked, status) => {
    const { kck, post } = fake()
    expect([(await post(asked)).status, kck.changes]).toEqual([status, []])
  })

  test('is for those who have its scope', async () => {
    const access = { fetch: 'public', update: 'public', change: { scopes: ['staff'] }, admin: 'public' } as const
    const { post } = fake({ auth: tokenAuth(access) })
    const as = (token: string) => request({ table: 'a' }, [['authorization', `Bearer ${token}`]])
    expect([(await post(request({ table: 'a' }))).status, (await post(as('a.a.a'))).status]).toEqual([401, 403])
    expect((await post(as('b.b.b'))).status).toBe(200)
  })
})

describe('with a real core', () => {
  function real() {
    const price = testPrimer({ name: 'price', tags: ['prices'], compute: () => 1 })
    const { kck, clock } = testKck([price])
    const edge = createEdge({ kck, clock, auth: openAuth })
    const post = (asked: EdgeRequest) => clock.run(answerOf(edge, asked))
    return { post, kck, clock, state: async () => (await clock.run(kck.fetch('price/1'))).state }
  }

  test('the same idempotency key counts once, and stands for one change only', async () => {
    const { post, kck, clock, state } = real()
    await clock.run(kck.get('price/1'))
    const asked = () => request({ tags: ['prices'] }, [['Idempotency-Key', '"a 1"']])
    const first = await post(asked())
    expect([first.json.marked, await state()]).toEqual([1, 'stale'])
    await clock.run(kck.get('price/1', { maxStaleMs: 0 }))
    expect([(await post(asked())).json, await state()]).toEqual([first.json, 'fresh'])
    const other = await post(request({ tags: ['others'] }, [['Idempotency-Key', '"a 1"']]))
    expect([other.status, other.json.details.field]).toEqual([422, 'Idempotency-Key'])
  })

  test('an answer that is too long to be remembered is given all the same', async () => {
    const { post, kck, clock } = real()
    const keys = Array.from({ length: 100 }, (_, index) => `price/${'x'.repeat(1_000)}${index}`)
    await clock.run(kck.fetchMany(keys))
    const asked = () => request({ tags: ['prices'] }, [['idempotency-key', 'long']])
    expect([(await post(asked())).json.keys.length, (await post(asked())).json.marked]).toEqual([100, 100])
  })

  test('two repetitions at the same time mark the same', async () => {
    const { post, kck, clock, state } = real()
    await clock.run(kck.get('price/1'))
    const asked = () => request({ keys: ['price/1'] }, [['idempotency-key', 'k']])
    const answers = await Promise.all([post(asked()), post(asked())])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect(await state()).toBe('stale')
  })

  test('an unknown source or product is named', async () => {
    const { post } = real()
    expect((await post(request({ table: 'orders' }))).json).toMatchObject({ status: 422, details: { field: 'source' } })
    expect((await post(request({ keys: ['nothing/1'] }))).status).toBe(404)
  })

  test.each([
    ['nonsense', 400],
    ['', 400],
    [`${markedAfter('x')},`, 400],
    [markedAfter('x').slice(0, -1), 400],
    [Array.from({ length: 17 }, () => markedAfter('x')).join(), 400],
    ['x'.repeat(5_000), 400],
    [markedAfter('x'), 200],
    [Array.from({ length: 16 }, (_, index) => markedAfter(`${index}`)).join(', '), 200],
  ])('a fetch after %j', async (after, status) => {
    const { post } = real()
    const asked = request('', [], { method: 'GET', rawPath: '/fetch/price/1', headers: [['KCK-After', after]] })
    expect((await post(asked)).status).toBe(status)
  })
})
