import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuth } from '../../../src/auth/auth.ts'
import { KckError } from '../../../src/errors.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import {
  claimsAt,
  cognitoAuth,
  createSigningKey,
  encode,
  issuer,
  makeHmacToken,
  makeToken,
  oidcAuth,
} from './support.ts'

const k1 = createSigningKey('k1')
const attacker = createSigningKey('k1')
const publicPem = k1.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const start = Date.UTC(2026, 10, 20)
const access = {
  fetch: 'authenticated',
  update: 'authenticated',
  change: 'authenticated',
  admin: 'authenticated',
} as const

// The library reads the wall clock for `exp`; our own checks read the port. Both stand at `start`.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: start })
})
afterEach(() => {
  vi.useRealTimers()
})

const header = { alg: 'RS256', kid: 'k1' }
const claims = claimsAt(start)
const now = start / 1000
const signed = (h: object, payload: unknown = claims) => makeToken(h, payload, k1.privateKey)
const valid = signed(header)

function withoutClaim(name: string) {
  const { [name]: _, ...rest } = claims
  return rest
}

/** The last character of an RS256 signature holds 2 bits that mean nothing. */
function otherLastCharacter(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) as string) ^ 1]
}

const refused: Record<string, string> = {
  'jwt-02 alg none, no signature': `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims)}.`,
  'jwt-03 alg none': `${encode({ alg: 'none', kid: 'k1' })}.${encode(claims)}.AA`,
  'jwt-04 alg NoNe': `${encode({ alg: 'NoNe', kid: 'k1' })}.${encode(claims)}.AA`,
  'jwt-05 HMAC with the public key': makeHmacToken({ alg: 'HS256', kid: 'k1' }, claims, publicPem),
  'jwt-06 another RSA algorithm': makeToken({ alg: 'RS512', kid: 'k1' }, claims, k1.privateKey, 'RSA-SHA512'),
  'jwt-07 no alg': signed({ kid: 'k1' }),
  'alg is a list': signed({ alg: ['RS256'], kid: 'k1' }),
  'jwt-09 ES256 with a signature of zeros': `${encode({ alg: 'ES256', kid: 'k1' })}.${encode(claims)}.${Buffer.alloc(64).toString('base64url')}`,
  'jwt-10 no kid': signed({ alg: 'RS256' }),
  'jwt-11 kid is a path': signed({ ...header, kid: '../../../../dev/null' }),
  'jwt-12 kid is SQL': signed({ ...header, kid: "x' UNION SELECT 'k' --" }),
  'jwt-13 kid is __proto__': signed({ ...header, kid: '__proto__' }),
  'kid is a number': signed({ ...header, kid: 1 }),
  'jwt-15 kid with a line break': signed({ ...header, kid: 'k1\r\nlevel=error msg=forged' }),
  'jwt-16 jku': makeToken({ ...header, jku: 'http://169.254.169.254/latest/meta-data/' }, claims, attacker.privateKey),
  'jwt-17 x5u': makeToken({ ...header, x5u: 'http://127.0.0.1:1/c', x5c: ['MIIB'] }, claims, attacker.privateKey),
  'jwt-18 jwk': makeToken({ ...header, jwk: attacker.publicJwk }, claims, attacker.privateKey),
  'crit that is unknown': signed({ ...header, crit: ['exp2'], exp2: 1 }),
  'crit b64': signed({ ...header, crit: ['b64'], b64: false }),
  'jwt-21 typ foo': signed({ ...header, typ: 'foo' }),
  'typ is a list': signed({ ...header, typ: ['JWT'] }),
  'another key': makeToken(header, claims, attacker.privateKey),
  'jwt-23 iss with a slash': signed(header, { ...claims, iss: `${issuer}/` }),
  'no iss': signed(header, withoutClaim('iss')),
  'jwt-25 iss is a list': signed(header, { ...claims, iss: [issuer] }),
  'another client': signed(header, { ...claims, client_id: 'app2' }),
  'jwt-27 client_id is a list': signed(header, { ...claims, client_id: ['app1'] }),
  'no client_id': signed(header, withoutClaim('client_id')),
  expired: signed(header, { ...claims, iat: now - 7200, exp: now - 1 }),
  'expires now': signed(header, { ...claims, iat: now - 7200, exp: now }),
  'jwt-31 exp is a text': signed(header, { ...claims, exp: '9999999999' }),
  'no exp': signed(header, withoutClaim('exp')),
  'exp is null': signed(header, { ...claims, exp: null }),
  'exp 1e308': signed(header, JSON.stringify({ ...claims, exp: 0 }).replace('"exp":0', '"exp":1e308')),
  'exp Infinity': signed(header, JSON.stringify({ ...claims, exp: 0 }).replace('"exp":0', '"exp":1e999')),
  'exp with a fraction': signed(header, { ...claims, exp: now + 0.5 }),
  'jwt-33 exp in milliseconds': signed(header, { ...claims, exp: start + 3_600_000 }),
  'made for more than a day': signed(header, { ...claims, exp: now + 86_401 }),
  'jwt-35 iat tomorrow': signed(header, { ...claims, iat: now + 86_400, exp: now + 90_000 }),
  'iat a little too far ahead': signed(header, { ...claims, iat: now + 61 }),
  'iat with a fraction': signed(header, { ...claims, iat: now - 0.5 }),
  'no iat': signed(header, withoutClaim('iat')),
  'nbf tomorrow': signed(header, { ...claims, nbf: now + 86_400 }),
  'jwt-42 256 KB of claims': signed(header, { ...claims, pad: 'x'.repeat(262_144) }),
  'just above 8 KiB': signed(header, { ...claims, pad: 'x'.repeat(6000) }),
  'jwt-43 6 MB of A': 'A'.repeat(6_000_000),
  'jwt-44 100,000 brackets': signed(header, '['.repeat(100_000)),
  'brackets within the limit': signed(header, '['.repeat(5000)),
  'two parts': valid.split('.').slice(0, 2).join('.'),
  'four parts': `${valid}.AAAA`,
  'header is a list': `${encode([])}.${encode(claims)}.AAAA`,
  'header is null': `${encode(null)}.${encode(claims)}.AAAA`,
  'payload is null': signed(header, null),
}

const accepted: Record<string, string> = {
  'jwt-01 a valid token': valid,
  'typ JWT': signed({ ...header, typ: 'JWT' }),
  'typ at+jwt': signed({ ...header, typ: 'at+jwt' }),
  'iat within the skew': signed(header, { ...claims, iat: now + 60 }),
  'made for exactly a day': signed(header, { ...claims, exp: now + 86_400 }),
  'jwt-39 a padded signature': `${valid}==`,
  'jwt-40 the other form of the last character': otherLastCharacter(valid),
}

describe.each([
  ['a Cognito user pool', cognitoAuth],
  ['an OIDC issuer', oidcAuth],
])('tokens of %s', (_, settings) => {
  const auth = createAuth(settings, access, {
    clock: createVirtualClock(start),
    fetchJwks: async () => ({ keys: [k1.publicJwk] }),
  })
  const authenticate = async (token: string) => auth.authenticate(`Bearer ${token}`)

  it.each(Object.entries(accepted))('takes %s', async (_name, token) => {
    expect(await authenticate(token)).toEqual(expect.objectContaining({ sub: 'user-1' }))
  })

  it.each(Object.entries(refused))('refuses %s', async (_name, token) => {
    const error = await authenticate(token).then(
      () => expect.unreachable('it was taken'),
      (thrown: unknown) => thrown,
    )
    expectGeneric(error)
  })

  it('jwt-37: claims have no __proto__ of the token', async () => {
    const payload = JSON.stringify(claims).replace('{', '{"__proto__":{"isAdmin":true},')
    const result = await authenticate(signed(header, payload))
    expect(Object.hasOwn(result ?? {}, '__proto__')).toBe(false)
    expect((result as { isAdmin?: boolean }).isAdmin).toBeUndefined()
  })
})

it('jwt-28: an id token is not an access token', async () => {
  const token = signed(header, { ...claims, token_use: 'id', aud: 'app1' })
  const auth = createAuth(cognitoAuth, access, {
    clock: createVirtualClock(start),
    fetchJwks: async () => ({ keys: [k1.publicJwk] }),
  })
  await expect(auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

it.each([
  ['another audience', { aud: 'other' }],
  ['no audience', { aud: undefined }],
])('an OIDC issuer: refuses %s', async (_, change) => {
  const auth = createAuth(oidcAuth, access, {
    clock: createVirtualClock(start),
    fetchJwks: async () => ({ keys: [k1.publicJwk] }),
  })
  const token = signed(header, { ...claims, ...change })
  await expect(auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

describe('a token that was taken before', () => {
  function setUp() {
    const clock = createVirtualClock(start)
    const issued = { keys: [k1.publicJwk] }
    const auth = createAuth(oidcAuth, access, { clock, fetchJwks: async () => issued })
    return { clock, issued, authenticate: async (token: string) => auth.authenticate(`Bearer ${token}`) }
  }
  const refusal = { code: 'UNAUTHENTICATED', message: 'A valid bearer token is required' }

  it('is refused when it has expired', async () => {
    const { clock, authenticate } = setUp()
    const token = signed(header, { ...claims, exp: now + 60 })
    await authenticate(token)
    await clock.advance(59_999)
    await authenticate(token)
    await clock.advance(1)
    await expect(authenticate(token)).rejects.toMatchObject(refusal)
  })

  it('is refused when its key is replaced by another of the same id', async () => {
    const { clock, issued, authenticate } = setUp()
    await authenticate(valid)
    issued.keys = [attacker.publicJwk]
    await clock.advance(1_800_000)
    await authenticate(valid)
    await clock.advance(0)
    await expect(authenticate(valid)).rejects.toMatchObject(refusal)
  })

  it('has claims that nobody can change for the next request', async () => {
    const { authenticate } = setUp()
    const token = signed(header, { ...claims, groups: ['guest'] })
    const first = (await authenticate(token)) as { sub: string; groups: string[] }
    expect(() => first.groups.push('staff')).toThrow(TypeError)
    expect(() => {
      first.sub = 'root'
    }).toThrow(TypeError)
    expect(await authenticate(token)).toMatchObject({ sub: 'user-1', groups: ['guest'] })
  })
})

/** The same for every reason: the message and everything behind it hold nothing of the token. */
function expectGeneric(error: unknown) {
  expect(error).toBeInstanceOf(KckError)
  const { code, message, details, cause } = error as KckError
  expect({ code, message, details }).toEqual({
    code: 'UNAUTHENTICATED',
    message: 'A valid bearer token is required',
    details: {},
  })
  expect(cause === undefined || /^[A-Za-z]+$/.test(String(cause))).toBe(true)
}
