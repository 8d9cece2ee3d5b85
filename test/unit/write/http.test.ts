import { describe, expect, test } from 'vitest'
import { createEdge } from '../../../src/http/edge.ts'
import { headerOf } from '../../../src/http/respond.ts'
import { string } from '../../../src/key/string-types.ts'
import { tokenAuth } from '../../support/http-auth.ts'
import { violation, world } from './world.ts'

const access = { fetch: 'public', update: 'public', admin: { scopes: ['staff'] } } as const

interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly token?: string
}

function served(given: Parameters<typeof world>[0] = {}) {
  const made = world(given)
  const { kck, clock } = made
  const edge = createEdge({ kck, clock, auth: tokenAuth(access) })
  const ask = async (method: string, rawPath: string, { headers = {}, body, token }: Sent = {}) => {
    const all = {
      ...headers,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    }
    const response = await clock.run(
      edge.handle({
        method,
        rawPath,
        rawQuery: '',
        headers: Object.entries(all),
        requestId: 'r',
        signal: new AbortController().signal,
        body: async () => Buffer.from(body ? JSON.stringify(body) : ''),
      }),
    )
    const header = (name: string) => headerOf(response.headers, name)
    return { status: response.status, header, body: JSON.parse(Buffer.from(response.body ?? []).toString() || 'null') }
  }
  return { ...made, ask }
}

const prefer = { prefer: 'respond-async, wait=10' }

describe('a write that would rather not wait', () => {
  test('is answered 202 with where to ask, and what became of it is told there', async () => {
    const { ask, drain, source } = served()
    const accepted = await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 'a' } })
    expect(accepted).toMatchObject({ status: 202, body: { success: true, state: 'accepted', updater: 'set/7' } })
    const location = accepted.header('location') ?? ''
    expect(location).toBe(`/writes/${accepted.body.id}`)
    expect(accepted.header('preference-applied')).toBe('respond-async')
    expect(accepted.header('kck-after')).toBe(accepted.body.after)
    expect((await ask('GET', location)).body).toMatchObject({ state: 'accepted' })
    await drain()
    expect((await ask('GET', location)).body).toMatchObject({ state: 'applied', id: accepted.body.id })
    expect(source.rows.get('7')).toEqual(['a'])
  })

  test('without the wish it waits, unless its updater says otherwise', async () => {
    const direct = served()
    expect(await direct.ask('PUT', '/update/set/7', { body: { value: 'a' } })).toMatchObject({ status: 200 })
    expect(direct.source.rows.get('7')).toEqual(['a'])
    const cached = served({ updater: { mode: 'cached' } })
    const accepted = await cached.ask('PUT', '/update/set/7', { body: { value: 'a' } })
    expect(accepted.status).toBe(202)
    expect(accepted.header('preference-applied')).toBeUndefined()
    expect(await cached.ask('POST', '/update/set', { body: { value: 'b' } })).toMatchObject({ status: 202 })
  })

  test('a wrong one is refused at once', async () => {
    const { ask } = served()
    expect(await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 1 } })).toMatchObject({ status: 422 })
    expect(await ask('PUT', '/update/other/7', { headers: prefer, body: {} })).toMatchObject({ status: 404 })
  })

  test('one too many is 503 with Retry-After', async () => {
    const writes = { maxWaiting: 1, maxWaitingBytes: 10_000, maxWriteBytes: 1_000 }
    const { ask } = served({ options: { writes } })
    await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 'a' } })
    const refused = await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 'b' } })
    expect(refused.status).toBe(503)
    expect(refused.header('retry-after')).toBe('10')
    const large = await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 'x'.repeat(2_000) } })
    expect(large.status).toBe(413)
  })

  test('one idempotency key of one caller counts once', async () => {
    const { ask, drain, source } = served()
    const headers = { ...prefer, 'idempotency-key': '"k"' }
    for (const token of ['a.a.a', 'a.a.a', 'b.b.b']) {
      await ask('PUT', '/update/set/7', { headers, body: { value: token }, token })
    }
    await drain()
    expect(source.rows.get('7')).toEqual(['a.a.a', 'b.b.b'])
  })

  test('only who may make a write hears what became of it', async () => {
    const { ask } = served({
      updater: {
        key: { id: string({ claim: 'tenant' }) } as never,
        access: 'authenticated',
        insert: undefined as never,
      },
    })
    const send = { headers: prefer, body: { value: 'a' } }
    expect(await ask('PUT', '/update/set/A', { ...send, token: 'b.b.b' })).toMatchObject({ status: 403 })
    const { header } = await ask('PUT', '/update/set/A', { ...send, token: 'a.a.a' })
    const location = header('location') ?? ''
    expect(await ask('GET', location)).toMatchObject({ status: 401 })
    expect(await ask('GET', location, { token: 'b.b.b' })).toMatchObject({ status: 403 })
    expect(await ask('GET', location, { token: 'a.a.a' })).toMatchObject({ status: 200 })
  })

  test.each(['/writes/', '/writes/x', '/writes/99-1-0-abcdefgh', '/writes/0-1-0-abcdefgh', '/writes/0-0-0-abcdefgh'])(
    '%s is no write',
    async (path) => {
      expect(await served().ask('GET', path)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
    },
  )
})

test('who operates sees what was refused, and has it retried or discarded', async () => {
  const { ask, drain, source } = served()
  source.failing.set('bad', violation)
  for (const key of ['7', '8']) await ask('PUT', `/update/set/${key}`, { headers: prefer, body: { value: 'bad' } })
  await drain()
  expect(await ask('GET', '/operate/writes')).toMatchObject({ status: 401 })
  expect(await ask('GET', '/operate/writes', { token: 'a.a.a' })).toMatchObject({ status: 403 })
  const { parked, ...waiting } = (await ask('GET', '/operate/writes', { token: 'b.b.b' })).body
  expect(waiting).toEqual({ writes: 0, bytes: 0, parkedRecords: 2, trouble: null })
  expect((await ask('GET', '/healthz')).body.writes).toMatchObject({ parkedRecords: 2 })
  const [first, second] = parked.map(({ id }: { id: string }) => `/writes/${id}`)
  expect(await ask('POST', first)).toMatchObject({ status: 401 })
  expect(await ask('DELETE', first, { token: 'b.b.b' })).toMatchObject({ status: 200 })
  source.failing.clear()
  const retried = await ask('POST', second, { token: 'b.b.b' })
  expect(retried).toMatchObject({ status: 202 })
  await drain()
  expect((await ask('GET', retried.header('location') ?? '')).body).toMatchObject({ state: 'applied' })
  expect((await ask('GET', first)).body).toMatchObject({ state: 'discarded' })
  expect(await ask('POST', second, { token: 'b.b.b' })).toMatchObject({ status: 404 })
})

test('a fetch says how many waiting writes it shows', async () => {
  const overlay = (_: unknown, { body }: { body: unknown }) => ({ values: [(body as { value: string }).value] })
  const { ask } = served({ updater: { overlay: overlay as never } })
  const before = await ask('GET', '/fetch/row/7')
  const accepted = await ask('PUT', '/update/set/7', { headers: prefer, body: { value: 'a' } })
  expect(accepted.body.shown).toEqual(['row/7'])
  const etag = before.header('etag') ?? ''
  const during = await ask('GET', '/fetch/row/7', { headers: { 'if-none-match': etag } })
  expect(during).toMatchObject({ status: 200, body: { value: { values: ['a'] } } })
  expect(during.header('kck-overlay')).toBe('1')
  expect(before.header('kck-overlay')).toBeUndefined()
  const many = await ask('POST', '/fetch', { body: { keys: ['row/7', 'row/8'] } })
  expect(many.body.results).toMatchObject([{ overlay: 1 }, { value: { values: [] } }])
})
