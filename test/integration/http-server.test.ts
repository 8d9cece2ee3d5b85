import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createEdge, type EdgeOptions } from '../../src/http/edge.ts'
import type { RequestLogEntry } from '../../src/http/request-log.ts'
import { type ServerOptions, startServer } from '../../src/local/server.ts'
import { createFakeKck } from '../support/fake-kck.ts'
import { openAuth } from '../support/http-auth.ts'
import { type RawAnswer, send, sendBytes } from '../support/http-client.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function serve(options: Partial<ServerOptions> & { readonly edgeOptions?: Partial<EdgeOptions> } = {}) {
  const log: RequestLogEntry[] = []
  const near = {
    'customer_orders/1': 'x'.repeat(3000),
    'by_name/%C3%A4': 'y',
    'members_only/1': 1,
    'by_name/long': 'z'.repeat(20_000),
  }
  const kck = createFakeKck({ clock: systemClock, near })
  const edge = createEdge({
    kck,
    clock: systemClock,
    auth: openAuth,
    log: (entry) => log.push(entry),
    ...options.edgeOptions,
  })
  const server = await startServer({ edge, kck, clock: systemClock, port: 0, ...options })
  closers.push(server.close)
  return { server, kck, log, origin: server.url }
}

describe('the hot path', () => {
  /** What differs between any two answers of the same thing. */
  const comparable = ({ status, headers, body }: RawAnswer) => {
    const { date: _, 'kck-request-id': __, 'cache-status': tier, age: ___, ...rest } = headers
    return {
      status,
      rest,
      tier: tier?.replace('detail=store', 'detail=near').replace(/ttl=\d+/, ''),
      body: body.toString('base64'),
    }
  }

  test.each<[string, string, [string, string][]]>([
    ['plain', '/fetch/customer_orders/1', []],
    ['longer', '/fetch/by_name/long', []],
    ['spelt differently', '/fetch/by_name/%c3%a4', []],
    ['gzip', '/fetch/customer_orders/1', [['Accept-Encoding', 'gzip, identity;q=0']]],
    ['malformed encoding', '/fetch/customer_orders/1', [['Accept-Encoding', 'gzip;q=NaN, *;q=0']]],
    [
      'a browser',
      '/fetch/customer_orders/1',
      [
        ['Accept', 'text/html, */*;q=0.8'],
        ['Accept-Encoding', 'gzip, deflate, br, zstd'],
      ],
    ],
    ['If-None-Match: *', '/fetch/customer_orders/1', [['If-None-Match', '*']]],
    [
      'If-Modified-Since',
      '/fetch/customer_orders/1',
      [['If-Modified-Since', new Date(Date.now() + 60_000).toUTCString()]],
    ],
    [
      'both conditions',
      '/fetch/customer_orders/1',
      [
        ['If-None-Match', '"x"'],
        ['If-Modified-Since', new Date().toUTCString()],
      ],
    ],
    ['HTML only', '/fetch/customer_orders/1', [['Accept', 'text/html']]],
    ['no encoding', '/fetch/customer_orders/1', [['Accept-Encoding', '*;q=0']]],
    [
      'a repeated header',
      '/fetch/customer_orders/1',
      [
        ['If-Modified-Since', 'x'],
        ['If-Modified-Since', 'y'],
      ],
    ],
    ['a bad directive', '/fetch/customer_orders/1', [['Cache-Control', 'max-age=x']]],
    ['a token', '/fetch/members_only/1', []],
  ])('answers like the edge: %s', async (_, path, headers) => {
    const { origin, kck, log } = await serve()
    const edgeOnly = await startServer({
      edge: createEdge({ kck, clock: systemClock, auth: openAuth }),
      kck: { peek: () => null },
      clock: systemClock,
      port: 0,
    })
    closers.push(edgeOnly.close)
    const hot = await send(origin, { path, headers })
    // A second time, from what was prepared for the first.
    const again = await send(origin, { path, headers })
    const cold = await send(edgeOnly.url, { path, headers })
    const strip = (answer: RawAnswer) => {
      const { body, ...rest } = comparable(answer)
      return answer.status < 400 ? { ...rest, body } : { ...rest, code: answer.json.code }
    }
    expect(strip(hot)).toEqual(strip(cold))
    expect(strip(again)).toEqual(strip(cold))
    expect(log).toHaveLength(2)
  })

  test('a hit does not reach the core', async () => {
    const { origin, kck } = await serve()
    await send(origin, { path: '/fetch/customer_orders/1' })
    expect(kck.calls).toEqual([])
  })

  test('what was prepared for a value ends with it', async () => {
    const { origin, kck } = await serve()
    const state = async () => (await send(origin, { path: '/fetch/customer_orders/1' })).headers
    expect((await state())['kck-state']).toBe('fresh')
    kck.age('customer_orders/1', 30_000)
    expect(Number((await state())['age'])).toBeGreaterThanOrEqual(30)
    await kck.invalidate('customer_orders/1')
    expect((await state())['kck-state']).toBe('stale')
  })

  test('a near cache that breaks leaves the request to the edge', async () => {
    const kck = createFakeKck({ clock: systemClock })
    const edge = createEdge({ kck, clock: systemClock, auth: openAuth })
    const peek = () => {
      throw new Error('broken')
    }
    const server = await startServer({ edge, kck: { peek }, clock: systemClock, port: 0 })
    closers.push(server.close)
    expect((await send(server.url, { path: '/fetch/by_name/x' })).status).toBe(200)
  })
})

describe('the server', () => {
  test('what is no HTTP gets 400, headers beyond 16 KiB get 431, each a problem and a log line', async () => {
    const { origin, log } = await serve()
    const noHttp = await sendBytes(origin, Buffer.from('\x16\x03\x01\x00\xff hello\r\n\r\n'))
    expect(noHttp).toMatchObject({ status: 400, json: { status: 400, code: 'BAD_REQUEST' } })
    const large = await send(origin, {
      path: '/healthz',
      headers: [['Authorization', `Bearer ${'x'.repeat(300_000)}`]],
    })
    expect(large).toMatchObject({ status: 431, json: { status: 431 } })
    expect(log.map(({ status }) => status)).toEqual([400, 431])
  })

  test.each([
    [
      'both lengths',
      'POST /fetch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two lengths', 'POST /fetch HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['a folded header', 'GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ])('a request that another server could read differently is refused: %s', async (_, text) => {
    const { origin } = await serve()
    expect((await sendBytes(origin, Buffer.from(text))).status).toBe(400)
  })

  test('a whole URL as the target is understood, bytes above ASCII in one are refused', async () => {
    const { origin } = await serve()
    expect((await send(origin, { path: `${origin}/fetch/customer_orders/1` })).status).toBe(200)
    expect((await send(origin, { path: '/fetch/by_name/ä' })).status).toBe(400)
  })

  test('a body beyond the limit is refused before it has arrived', async () => {
    const { origin } = await serve()
    const head =
      'PUT /update/customer/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{'
    expect(await sendBytes(origin, Buffer.from(head))).toMatchObject({ status: 413, headers: { connection: 'close' } })
    const chunk = `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`
    const chunked =
      'PUT /update/customer/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    const { origin: small } = await serve({ edgeOptions: { limits: { bodyBytes: 100_000 } } })
    expect((await sendBytes(small, Buffer.from(chunked + chunk + chunk))).status).toBe(413)
  })

  test('a body that nobody reads does not become the next request', async () => {
    const { server } = await serve()
    const body = 'GET /fetch/customer_orders/1 HTTP/1.1\r\nHost: x\r\n\r\n'
    const first = `POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    const second = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    const statuses = await new Promise<string[]>((resolve) => {
      let text = ''
      const socket = connect(server.port, server.host, () => socket.write(first + second))
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text.match(/HTTP\/1\.1 \d+/g) ?? []))
    })
    expect(statuses).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200'])
  })

  test('beyond its limit of requests under way: 429 with Retry-After, and hits go on', async () => {
    const { origin } = await serve({ maxConcurrent: 1 })
    const hanging = send(origin, { path: '/fetch/hangs', headers: [['KCK-Timeout', '1']] })
    await new Promise((resolve) => setImmediate(resolve))
    const refused = await send(origin, { path: '/fetch/by_name/other' })
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' }, json: { code: 'TOO_MANY_REQUESTS' } })
    expect((await send(origin, { path: '/fetch/customer_orders/1' })).status).toBe(200)
    expect((await hanging).status).toBe(504)
    expect((await send(origin, { path: '/fetch/by_name/other' })).status).toBe(200)
  })

  test('a caller that leaves is heard of by the core', async () => {
    const { server, kck } = await serve()
    const socket = connect(server.port, server.host)
    await once(socket, 'connect')
    socket.write('GET /fetch/hangs HTTP/1.1\r\nHost: x\r\n\r\n')
    while (kck.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const signal = kck.calls[0]?.request?.signal
    socket.destroy()
    if (!signal?.aborted) await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    expect(signal?.aborted).toBe(true)
  })

  test('closing lets what is under way finish, and takes nothing new', async () => {
    const { server, origin, kck } = await serve()
    const agent = new Agent({ keepAlive: true })
    const idle = await new Promise<number | undefined>((resolve) => {
      httpRequest(`${origin}/healthz`, { agent }, (answer) =>
        answer.resume().on('end', () => resolve(answer.statusCode)),
      ).end()
    })
    expect(idle).toBe(200)
    const underWay = send(origin, { path: '/fetch/hangs', headers: [['KCK-Timeout', '0.3']] })
    while (kck.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const closed = server.close()
    await expect(send(origin, { path: '/healthz' })).rejects.toThrow(/ECONNREFUSED/)
    expect((await underWay).status).toBe(504)
    await closed
    agent.destroy()
  })

  test('what does not finish is cut off after the grace', async () => {
    const { server, kck, origin } = await serve({ closeGraceMs: 50 })
    const hanging = send(origin, { path: '/fetch/hangs', headers: [['KCK-Timeout', '20']] })
    const cut = expect(hanging).rejects.toThrow()
    while (kck.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    await server.close()
    await cut
  })

  test('a port that is taken says what to do', async () => {
    const { server } = await serve()
    await expect(serve({ port: server.port })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('KCK_PORT'),
    })
  })
})

describe('several processes', () => {
  const program = fileURLToPath(new URL('../support/http-worker-main.ts', import.meta.url))

  test('share a port; one that dies is replaced; all stop on SIGTERM', async () => {
    const port = await freePort()
    const primary = spawn(process.execPath, [program, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
    closers.push(async () => primary.kill('SIGKILL'))
    const said = lines(primary)
    await said.count('serving', 2)
    const pid = async () =>
      (await send(`http://127.0.0.1:${port}`, { path: '/fetch/customer_orders/1' })).json.value as number
    const victim = await pid()
    process.kill(victim, 'SIGKILL')
    await said.count('serving', 3)
    for (let i = 0; i < 10; i += 1) expect(await pid()).not.toBe(victim)
    expect(said.all()).toContain(`Worker ${victim} ended (SIGKILL); another one starts in 100 ms`)
    primary.kill('SIGTERM')
    const [code] = await once(primary, 'exit')
    expect({ code, last: said.all().at(-1) }).toEqual({ code: 0, last: 'stopped' })
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function lines({ stdout }: ChildProcess) {
  let text = ''
  const waiting = new Set<() => void>()
  stdout?.on('data', (chunk) => {
    text += chunk
    for (const look of waiting) look()
  })
  const all = () => text.split('\n').filter((line) => line !== '')
  return {
    all,
    count: (line: string, times: number) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (all().filter((other) => other === line).length >= times) resolve()
        }
        waiting.add(look)
        look()
      }),
  }
}
