import { expect, test } from 'vitest'
import { KckError } from '../../../src/errors.ts'
import { createEdge } from '../../../src/http/edge.ts'
import { testKck, testPrimer } from '../../support/kck.ts'

function edge(allowed = true) {
  const { kck, clock } = testKck([testPrimer({ name: 'order', compute: () => ({ total: 3 }) })])
  const auth = {
    authenticate: () => null,
    authorize: (action: string) => {
      if (action === 'admin' && !allowed) throw new KckError('FORBIDDEN', 'Not yours')
    },
  }
  const made = createEdge({ kck, clock, auth })
  const ask = async (method: string, path: string) => {
    const [rawPath = '', rawQuery = ''] = path.split('?')
    const request = {
      method,
      rawPath,
      rawQuery,
      headers: [],
      requestId: 'r',
      signal: new AbortController().signal,
      body: async () => new Uint8Array(),
    }
    const { status, body } = await clock.run(made.handle(request))
    return { status, body: body ? JSON.parse(Buffer.from(body).toString()) : null }
  }
  return { ask, kck, clock }
}

test('explain, keys, graph and queue answer from the store', async () => {
  const { ask, kck, clock } = edge()
  await clock.run(kck.fetch('order/a%2Fb'))
  expect(await ask('GET', '/explain/order/a%2Fb')).toMatchObject({
    status: 200,
    body: { key: 'order/a%2Fb', state: 'fresh' },
  })
  const page = await ask('GET', '/operate/keys?primer=order&limit=10')
  expect(page).toMatchObject({ status: 200, body: { keys: [{ key: 'order/a%2Fb', state: 'fresh' }] } })
  expect((await ask('GET', '/operate/graph')).body.nodes).toContainEqual({
    id: 'product/order',
    kind: 'product',
    label: 'order',
  })
  expect((await ask('GET', '/operate/queue')).body).toMatchObject({ depth: { hot: 0 }, waiting: [], failing: [] })
  expect((await ask('POST', '/operate/discard/order/1')).body).toEqual({ key: 'order/1', discarded: false })
})

test.each([
  '/operate/keys',
  '/operate/keys?primer=order&limit=0',
  '/operate/keys?primer=order&limit=1001',
  '/operate/keys?primer=order&primer=order',
  '/operate/queue?limit=many',
])('%s is refused', async (path) => {
  expect(await edge().ask('GET', path)).toMatchObject({ status: 400 })
})

test.each(['/explain/order/1', '/operate/keys?primer=order', '/operate/graph', '/operate/queue'])(
  '%s is for operators only',
  async (path) => {
    expect(await edge(false).ask('GET', path)).toMatchObject({ status: 403 })
  },
)
