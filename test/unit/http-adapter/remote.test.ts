import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../../src/adapters/http/addresses.ts'
import { createRemoteFetcher, type RemoteFetcherOptions } from '../../../src/adapters/http/remote.ts'

const notAllowed = { code: 'COMPUTE_FAILED', message: 'A remote source that is not allowed was asked for; see allow' }
const isPrivate = {
  code: 'COMPUTE_FAILED',
  message: 'A remote source is at an address of this machine or of a private network',
}

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function listen(listener: RequestListener): Promise<number> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise((resolve) => server?.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

/** `ok.example` stands for a public host: it may be at a private address, as the test's server is. */
function fetcher(port: number, options: Partial<RemoteFetcherOptions> = {}) {
  const origin = `http://ok.example:${port}`
  return createRemoteFetcher({
    allow: [
      origin,
      'http://*.nip.example',
      'http://metadata.example',
      'http://169.254.169.254',
      'http://[::ffff:a9fe:a9fe]',
    ],
    allowPrivate: [origin],
    resolve: async (host) => (host === 'metadata.example' ? ['169.254.169.254'] : ['127.0.0.1']),
    ...options,
  })
}

describe('a remote source', () => {
  it('is read when its origin is allowed', async () => {
    const port = await listen((request, response) => response.end(JSON.stringify({ key: request.headers['x-key'] })))
    const response = await fetcher(port)(`http://ok.example:${port}/data`, { headers: { 'x-key': 'k' } })
    expect([response.status, response.json()]).toEqual([200, { key: 'k' }])
  })

  it.each([
    ['config-22 another scheme', 'file:///etc/passwd', notAllowed],
    ['data:', 'data:text/plain,1', notAllowed],
    ['another host', 'http://other.example/', notAllowed],
    ['another port', 'http://metadata.example:81/', notAllowed],
    ['https in place of http', 'https://metadata.example/', notAllowed],
    ['a user in the address', 'http://metadata.example@other.example/', notAllowed],
    ['a user for an allowed host', 'http://a:b@metadata.example/', notAllowed],
    ['the parent of a wildcard', 'http://nip.example/', notAllowed],
    ['no URL', 'metadata', { code: 'COMPUTE_FAILED' }],
    ['config-20 an IPv4 address in IPv6', 'http://[::ffff:169.254.169.254]/', isPrivate],
    ['an address as a number', 'http://2852039166/', isPrivate],
    ['config-21 a name that leads to this machine', 'http://127.0.0.1.nip.example/', isPrivate],
    ['a name that leads to the metadata service', 'http://metadata.example/', isPrivate],
  ])('is refused: %s', async (_, url, error) => {
    await expect(fetcher(1)(url)).rejects.toMatchObject(error)
  })

  it.each([
    ['the metadata service', 'http://169.254.169.254/latest/meta-data/', isPrivate],
    ['a name of it', 'http://metadata.example/', isPrivate],
    ['a file', 'file:///etc/passwd', notAllowed],
    ['another host', '//other.example/', notAllowed],
  ])('config-23: is refused behind a redirect to %s', async (_, location, error) => {
    const port = await listen((_request, response) => response.writeHead(302, { location }).end())
    await expect(fetcher(port)(`http://ok.example:${port}/`)).rejects.toMatchObject(error)
  })

  it('follows redirects within what is allowed, and not forever', async () => {
    const port = await listen(({ url }, response) => {
      if (url === '/end') response.end('there')
      else response.writeHead(307, { location: url === '/loop' ? '/loop' : '/end' }).end()
    })
    expect((await fetcher(port)(`http://ok.example:${port}/start`)).text()).toBe('there')
    await expect(fetcher(port)(`http://ok.example:${port}/loop`)).rejects.toMatchObject({ code: 'COMPUTE_FAILED' })
  })

  it('is refused when one of several addresses is private', async () => {
    const fetch = fetcher(1, { resolve: async () => ['93.184.215.14', '10.0.0.1'] })
    await expect(fetch('http://metadata.example/')).rejects.toMatchObject(isPrivate)
  })

  it('ends at its limits', async () => {
    const port = await listen(({ url }, response) => {
      if (url === '/big') response.end('x'.repeat(2000))
    })
    const fetch = fetcher(port, { maxBytes: 1000, timeoutMs: 200 })
    await expect(fetch(`http://ok.example:${port}/big`)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    await expect(fetch(`http://ok.example:${port}/silent`)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const caller = AbortSignal.abort('gone')
    await expect(fetch(`http://ok.example:${port}/`, { signal: caller })).rejects.toBe('gone')
  })

  it('says so when nobody listens', async () => {
    const port = await listen(() => undefined)
    await new Promise((resolve) => server?.close(resolve))
    await expect(fetcher(port)(`http://ok.example:${port}/`)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' })
  })

  it.each(['ok.example', 'ftp://ok.example', 'https://ok.example/path', 'https://*', 'https://a@b'])(
    'refuses to start with allow: %s',
    (origin) => {
      expect(() => createRemoteFetcher({ allow: [origin] })).toThrow(
        expect.objectContaining({ code: 'INVALID_CONFIG' }),
      )
    },
  )
})

it.each([
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '169.254.169.254',
  '172.31.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:10.0.0.1',
  '::ffff:8.8.8.8',
  'fe80::1',
  'fc00::1',
  'fd00:ec2::254',
  'ff02::1',
  '64:ff9b::a9fe:a9fe',
  '2002:a9fe:a9fe::',
  '2001::1',
  '2001:db8::1',
  'no address',
])('%s is not a public address', (address) => {
  expect(isPublicAddress(address)).toBe(false)
})

it.each(['8.8.8.8', '93.184.215.14', '172.15.0.1', '2606:4700::1111', '2a00:1450:4001::1'])('%s is', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})
