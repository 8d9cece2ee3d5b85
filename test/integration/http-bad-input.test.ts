import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Kck } from '../../src/kck/kck.ts'
import type { Source } from '../../src/ports/source.ts'
import rows from '../support/bad-inputs.json' with { type: 'json' }
import { tokenAuth } from '../support/http-auth.ts'
import { type RawAnswer, type RawRequest, send } from '../support/http-client.ts'
import { createRealKck, openShop } from '../support/http-real-kck.ts'
import { httpTargets, type RunningSystem } from '../support/http-targets.ts'

interface Row {
  readonly id: string
  readonly group: string
  readonly where: string
  // biome-ignore lint/suspicious/noExplicitAny: every group writes its input in its own way.
  readonly input: any
  readonly expect: string
  readonly note?: string
}

type Kind = (typeof httpTargets)[number]['name']

/** Where an adapter cannot do what the row expects, and why. */
const deviations: Readonly<
  Partial<Record<Kind, Readonly<Record<string, { status: readonly number[]; reason: string }>>>>
> = {
  'Lambda behind an HTTP API': {
    'key-09': {
      status: [400],
      reason: 'an HTTP API decodes %2F before anybody can see it: a clear error, never another key',
    },
  },
}

const token = 'a.a.a'
const orders = '/fetch/customer_orders/7'
const update = { method: 'PUT', path: '/update/customer/7' }
const jsonType = ['Content-Type', 'application/json'] as const

/** Rows whose parameter is text, while the product they name has a number. */
const textual = new Set(['key-09', 'key-10', 'key-23', 'key-24', 'key-30'])

/** A row as a request. */
function requestOf(row: Row): RawRequest {
  const { id, where, input } = row
  if (where === 'path') return { path: textual.has(id) ? input.replace('customer_orders', 'by_name') : pathOf(input) }
  if (where === 'body') return { ...update, ...bodyOf(input) }
  if (row.group === 'auth-header') return tokenRequest(where, withToken(input))
  if (where === 'query') return { path: `${orders}${input}` }
  return /^Content-/.test(Object.keys(input)[0] ?? '')
    ? bodyHeaderRequest(input)
    : { path: orders, headers: headersOf(input) }
}

function tokenRequest(where: string, input: Row['input']): RawRequest {
  const path = '/fetch/members_only/1'
  return where === 'query' ? { path: `${path}?${new URLSearchParams(input)}` } : { path, headers: headersOf(input) }
}

/** A header about the body, with a body. */
function bodyHeaderRequest({ body, ...headers }: Row['input']): RawRequest {
  const type = headers['Content-Type'] ? [] : [jsonType]
  return { ...update, headers: [...headersOf(headers), ...type], body: body ? Buffer.alloc(10_000) : '{"name":"x"}' }
}

function pathOf(input: Row['input']): string {
  if (typeof input === 'string') return input
  if (input.jsString) return JSON.parse(`"${input.jsString}"`)
  return input.template.replace('{}', repeated(input.fill))
}

function repeated(what: { repeat: [string, number] } | string): string {
  return typeof what === 'string' ? what : what.repeat[0].repeat(what.repeat[1])
}

/** `<valid>` stands for a token that is accepted. */
function withToken<T>(input: T): T {
  return JSON.parse(
    JSON.stringify(input)
      .replaceAll(/<valid\d?>|<valid without scheme>/g, token)
      .replaceAll('<expired>', 'x.x.x'),
  )
}

function headersOf(input: Row['input']): [string, string][] {
  return input.multi ?? Object.entries(input)
}

function bodyOf(input: Row['input']): Pick<RawRequest, 'body' | 'headers'> {
  const headers = [jsonType]
  if (typeof input === 'string') return { headers, body: input }
  if (input.hex) return { headers, body: Buffer.from(input.hex, 'hex') }
  if (input.multipart) return { headers: [['Content-Type', 'multipart/form-data; boundary=x']], body: '--x--' }
  if (input.repeat) return { headers, body: repeated(input) }
  if (input.base64Encoded) return { headers, body: input.body }
  const [name, value] = Object.entries<Row['input']>(input.json)[0] ?? []
  const made = value.repeat ? repeated(value) : Array.from({ length: value.repeatObj[1] }, () => value.repeatObj[0])
  return { headers, body: JSON.stringify({ [String(name)]: made }) }
}

/** The status codes that a row's words allow. */
function allowed({ id, expect: words }: Row): readonly number[] {
  if (words.startsWith('401')) return [401]
  if (words.startsWith('parameter value is literally')) return [200]
  const codes =
    words
      .split(/[;,(]/)[0]
      ?.match(/\b[2-5]\d\d\b/g)
      ?.map(Number) ?? []
  // "bound as text", "kept exact", "as data", "ignored": answered like any other request.
  const lenient =
    /bound as text|bigint kept exact|ignored|no ACAO|no Access-Control|used only as text|identity or 406/.test(words)
  if (id === 'key-57') return [400]
  return lenient ? [200, ...codes] : codes
}

let shop: Source
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

describe.each(httpTargets)('bad input: $name', ({ name, serve }) => {
  let kck: Kck
  let target: RunningSystem

  beforeAll(async () => {
    kck = createRealKck(shop)
    target = await serve(kck, { auth: tokenAuth({ fetch: 'public', update: 'public', admin: 'authenticated' }) })
  })
  afterAll(async () => {
    await target.close()
    await kck.close()
  })

  test.each((rows as readonly Row[]).filter(({ id, group }) => id !== 'key-60' && group !== 'jwt'))(
    '$id: $expect',
    async (row) => {
      const before = target.log.length
      const request = requestOf(row)
      const answer = await send(target.origin, request)
      expect(deviations[name]?.[row.id]?.status ?? allowed(row)).toContain(answer.status)
      expectNothingLeaks(row, request, answer)
      if (row.expect.startsWith('parameter value is literally')) expect(answer.json.value).toEqual({ name: 'a%2Fb' })
      const lines = target.logLines().slice(before)
      // What a gateway refuses itself never reaches the function.
      if (name === 'local server' || row.where === 'body') expect(lines).toHaveLength(1)
      expectHarmless(lines)
    },
  )

  test('key-60: two tenants never share an entry', async () => {
    const of = (bearer: string, tenant: string) =>
      send(target.origin, { path: `/fetch/tenant_orders/${tenant}`, headers: [['Authorization', `Bearer ${bearer}`]] })
    expect((await of('a.a.a', 'A')).json).toMatchObject({ key: 'tenant_orders/A', value: { tenant: 'A' } })
    expect((await of('b.b.b', 'B')).json).toMatchObject({ key: 'tenant_orders/B', value: { tenant: 'B' } })
    expect((await of('b.b.b', 'A')).status).toBe(403)
  })
})

function expectNothingLeaks(row: Row, { path }: RawRequest, { status, headers, text }: RawAnswer): void {
  expect(headers['access-control-allow-origin']).toBeUndefined()
  expect(headers['set-cookie']).toBeUndefined()
  if (text !== '') expect(headers['content-type']).toMatch(/^application\/(problem\+)?json$/)
  if (headers['content-type'] !== undefined) expect(headers['x-content-type-options'] ?? 'nosniff').toBe('nosniff')
  expect(text).not.toMatch(/\bat .+:\d+:\d+|node:internal|\/src\/|select |hunter2/i)
  if (status >= 400) expect(text).not.toContain(token)
  if (row.id === 'query-09') expect(text).not.toContain(path.split('?')[1])
}

function expectHarmless(lines: readonly string[]): void {
  expect(lines.length).toBeLessThanOrEqual(1)
  for (const line of lines) {
    expect(line).toMatch(/^[\x20-\x7e]+$/)
    expect(line).not.toMatch(/hunter2|a\.a\.a/)
    expect(JSON.parse(line).status).toBeLessThan(500)
  }
}
