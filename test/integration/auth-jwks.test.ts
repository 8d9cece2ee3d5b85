import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { createJwksFetcher } from '../../src/adapters/http/jwks.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createAuth } from '../../src/auth/auth.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { claimsAt, createSigningKey, makeToken } from '../unit/auth/support.ts'

const key = createSigningKey('k1')

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** An issuer on this machine; `answers` by path, the rest is silence. */
async function startIssuer(answers: Record<string, { status?: number; headers?: object; body?: string }>) {
  const asked: string[] = []
  server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const answer = answers[url]
    if (answer) response.writeHead(answer.status ?? 200, { ...answer.headers }).end(answer.body)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server?.once('listening', resolve))
  return { issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function connect(issuer: string, jwks = `${issuer}/.well-known/jwks.json`) {
  const settings = { auth: { issuer, jwks, clientId: 'app1' } }
  const { auth, access } = resolveConfig(settings, { folder: '/', environment: {} })
  return createAuth(auth, access, { clock: systemClock, fetchJwks: createJwksFetcher(jwks) })
}

const tokenOf = (issuer: string) =>
  `Bearer ${makeToken({ alg: 'RS256', kid: 'k1' }, { ...claimsAt(Date.now()), iss: issuer }, key.privateKey)}`

const keySet = { body: JSON.stringify({ keys: [key.publicJwk] }) }
const unavailable = { code: 'AUTH_UNAVAILABLE' }

it("takes a token whose key the issuer's server gives, asking it once", async () => {
  const { issuer, asked } = await startIssuer({ '/.well-known/jwks.json': keySet })
  const auth = connect(issuer)
  for (let i = 0; i < 3; i++) expect(await auth.authenticate(tokenOf(issuer))).toMatchObject({ sub: 'user-1' })
  expect(asked).toEqual(['/.well-known/jwks.json'])
})

it.each([
  ['redirects', { status: 302, headers: { location: '/elsewhere' } }],
  ['fails', { status: 500, body: 'broken' }],
  ['sends no JSON', { body: '<html>' }],
  ['sends far too much', { body: JSON.stringify({ keys: [], pad: 'x'.repeat(300_000) }) }],
])('says 503 when it %s, and asks nobody else', async (_, answer) => {
  const { issuer, asked } = await startIssuer({ '/.well-known/jwks.json': answer, '/elsewhere': keySet })
  const auth = connect(issuer)
  await expect(auth.authenticate(tokenOf(issuer))).rejects.toMatchObject(unavailable)
  await expect(auth.authenticate(tokenOf(issuer))).rejects.toMatchObject(unavailable)
  expect(asked).toEqual(['/.well-known/jwks.json'])
})

it('says 503 when nobody answers', async () => {
  const { issuer } = await startIssuer({})
  await expect(connect(issuer).authenticate(tokenOf(issuer))).rejects.toMatchObject(unavailable)
})

it('says 503 when nobody listens', async () => {
  const { issuer } = await startIssuer({})
  await new Promise((resolve) => server?.close(resolve))
  await expect(connect(issuer).authenticate(tokenOf(issuer))).rejects.toMatchObject(unavailable)
})
