import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { ResolvedAuth } from '../../../src/config/resolved.ts'

export interface SigningKey {
  readonly kid: string
  readonly publicJwk: object
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function createSigningKey(kid: string): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
  return { kid, publicJwk, publicKey, privateKey }
}

export const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

/** Signs whatever it is given, also what no issuer would sign. */
export function makeToken(header: unknown, payload: unknown, key: KeyObject, algorithm = 'RSA-SHA256'): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${sign(algorithm, Buffer.from(input), key).toString('base64url')}`
}

export function makeHmacToken(header: unknown, payload: unknown, secret: string): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export const issuer = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34e'

export const cognitoAuth: ResolvedAuth = {
  issuer,
  userPoolId: 'eu-west-1_Ab12Cd34e',
  jwks: { keys: [] },
  clientId: ['app1'],
  audience: null,
  tokenUse: 'access',
  maxLifetimeMs: 86_400_000,
  maxKeyAgeMs: 3_600_000,
}

export const oidcAuth: ResolvedAuth = { ...cognitoAuth, userPoolId: null, audience: ['kck'] }

/** Claims of a valid token of both kinds of issuer. */
export function claimsAt(nowMs: number): Record<string, unknown> {
  const now = Math.floor(nowMs / 1000)
  return {
    iss: issuer,
    sub: 'user-1',
    aud: 'kck',
    client_id: 'app1',
    token_use: 'access',
    scope: 'read write',
    iat: now,
    exp: now + 3600,
  }
}
