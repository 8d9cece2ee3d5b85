import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface TokenContents {
  readonly subject?: string
  readonly scopes?: readonly string[]
  readonly claims?: Readonly<Record<string, string | number>>
  /** Milliseconds since 1970. Default: an hour from now. */
  readonly expiresAt?: number
}

/** Signs tokens as a Cognito user pool does, and shows its public key. */
export interface Issuer {
  readonly jwksUrl: string
  token(contents?: TokenContents): Promise<string>
  stop(): Promise<void>
}

export interface IssuerSettings {
  readonly issuer: string
  readonly clientId: string
  readonly now: () => number
}

export async function startIssuer({ issuer, clientId, now }: IssuerSettings): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks.json`,
    token({ subject = 'anna', scopes = [], claims = {}, expiresAt = now() + 3_600_000 } = {}) {
      return new SignJWT({ ...claims, client_id: clientId, token_use: 'access', scope: scopes.join(' ') })
        .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
        .setIssuer(issuer)
        .setSubject(subject)
        .setIssuedAt(Math.floor(now() / 1000))
        .setExpirationTime(Math.floor(expiresAt / 1000))
        .sign(privateKey)
    },
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
