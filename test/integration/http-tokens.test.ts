import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { createAuth } from '../../src/auth/auth.ts'
import rows from '../support/bad-inputs.json' with { type: 'json' }
import { send } from '../support/http-client.ts'
import { httpTargets, type RunningTarget } from '../support/http-targets.ts'
import {
  claimsAt,
  cognitoAuth,
  createSigningKey,
  encode,
  issuer,
  makeHmacToken,
  makeToken,
} from '../unit/auth/support.ts'

/** How a row says that its token differs from a valid one. */
interface TokenRow {
  readonly header?: { readonly alg?: string; readonly kid?: string }
  readonly payload?: Readonly<Record<string, unknown>>
  readonly rawPayload?: string | { readonly repeat: readonly [string, number] }
  readonly signature?: string
  readonly signatureHex?: string
  readonly hmacKey?: string
  readonly key?: 'attacker'
  readonly token?: string | { readonly repeat: readonly [string, number] }
}

interface Row {
  readonly id: string
  readonly expect: string
  readonly input: { readonly jwt: TokenRow }
}

const k1 = createSigningKey('k1')
const attacker = createSigningKey('k1')
const now = Date.now()
const claims = claimsAt(now)
const valid = makeToken({ alg: 'RS256', kid: 'k1' }, claims, k1.privateKey)

const repeat = ([text, times]: readonly [string, number]) => text.repeat(times)

/** What a row writes in words, as a value. */
const words: Readonly<Record<string, unknown>> = {
  '<iss>/': `${issuer}/`,
  '9999999999 (string)': '9999999999',
  'Date.now() in ms': now,
  'now+86400': Math.floor(now / 1000) + 86_400,
}

function isRepeated(value: unknown): value is { readonly repeat: readonly [string, number] } {
  return typeof value === 'object' && value !== null && 'repeat' in value
}

function payloadOf({ payload = {}, rawPayload }: TokenRow): unknown {
  if (typeof rawPayload === 'string') return rawPayload.replace(',...}', `,${JSON.stringify(claims).slice(1)}`)
  if (rawPayload !== undefined) return repeat(rawPayload.repeat)
  const changes = Object.entries(payload).map(([name, value]) => {
    if (typeof value === 'string' && Object.hasOwn(words, value)) return [name, words[value]]
    if (Array.isArray(value) && value[0] === '<iss>') return [name, [issuer]]
    return [name, isRepeated(value) ? repeat(value.repeat) : value]
  })
  return { ...claims, ...Object.fromEntries(changes) }
}

function tokenOf(row: TokenRow): string {
  const { header = { alg: 'RS256', kid: 'k1' }, signature, signatureHex, hmacKey, key, token } = row
  if (token !== undefined) return wholeToken(token)
  const payload = payloadOf(row)
  const own = signatureHex === undefined ? signature : Buffer.from(signatureHex, 'hex').toString('base64url')
  if (own !== undefined) return `${encode(header)}.${encode(payload)}.${own}`
  if (hmacKey !== undefined) {
    return makeHmacToken(header, payload, k1.publicKey.export({ type: 'spki', format: 'pem' }).toString())
  }
  const signer = key === 'attacker' ? attacker : k1
  return makeToken(header, payload, signer.privateKey, header.alg === 'RS512' ? 'RSA-SHA512' : 'RSA-SHA256')
}

function wholeToken(token: NonNullable<TokenRow['token']>): string {
  if (typeof token !== 'string') return repeat(token.repeat)
  if (token.endsWith("'=='")) return `${valid}==`
  // The last character of an RS256 signature holds 2 bits that mean nothing.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return valid.slice(0, -1) + alphabet[alphabet.indexOf(valid.at(-1) ?? '') ^ 1]
}

const tokenRows = (rows as readonly { group: string }[]).filter(
  ({ group }) => group === 'jwt',
) as unknown as readonly Row[]

describe.each(httpTargets)('tokens: $name', ({ start }) => {
  let target: RunningTarget

  beforeAll(async () => {
    const access = {
      fetch: 'public',
      update: 'authenticated',
      change: 'authenticated',
      admin: 'authenticated',
    } as const
    const auth = createAuth(cognitoAuth, access, {
      clock: systemClock,
      fetchJwks: async () => ({ keys: [k1.publicJwk] }),
    })
    target = await start({ auth, near: { 'customer_orders/7': 'public', 'members_only/1': 'secret value' } })
  })
  afterAll(() => target.close())

  // A bad token is refused also where none would be needed, so that its holder notices.
  test.each(tokenRows)('$id: $expect', async ({ input, expect: words }) => {
    const token = tokenOf(input.jwt)
    for (const path of ['/fetch/members_only/1', '/fetch/customer_orders/7']) {
      const before = target.log.length
      const { status, text, headers } = await send(target.origin, {
        path,
        headers: [['Authorization', `Bearer ${token}`]],
      })
      const lines = target.logLines().slice(before).join('\n')
      expect(words.startsWith('200') ? [200] : [401, 431]).toContain(status)
      for (const part of [token, ...token.split('.')].filter(({ length }) => length > 8)) {
        expect(text).not.toContain(part)
        expect(lines).not.toContain(part)
      }
      expect(`${text}${lines}`).not.toMatch(/kid|KidNotFound|client_id|etc\/passwd|UNION|169\.254/)
      expect(lines).not.toContain('\n')
      if (status === 401) expect(headers['www-authenticate']).toBe('Bearer realm="kck"')
    }
  })
})
