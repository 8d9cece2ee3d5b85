import { CognitoJwtVerifier, JwtVerifier } from 'aws-jwt-verify'
import type { Jwks } from 'aws-jwt-verify/jwk'
import type { JwtPayload } from 'aws-jwt-verify/jwt-model'
import type { ResolvedAuth } from '../config/resolved.ts'
import type { Clock } from '../ports/clock.ts'
import type { Claims } from '../primer/definition.ts'
import { unauthenticated } from './bearer.ts'

/** Milliseconds by which an issuer's clock may be ahead of ours. */
const clockSkewMs = 60_000

export interface TokenVerifier {
  /** The key id that the token's header names; throws for a header that is refused whatever the signature. */
  keyId(token: string): string
  useKeys(jwks: Jwks): void
  /** The claims of a token whose signature and claims are right, frozen. Throws otherwise. */
  verify(token: string): Claims
  /** Throws when the time of claims that were right is over. */
  checkTimes(claims: Claims): void
}

/** aws-jwt-verify, and the checks that it leaves to others. Keys come through `useKeys` only: it never fetches. */
export function createTokenVerifier(auth: ResolvedAuth, clock: Clock): TokenVerifier {
  const verifier = auth.userPoolId === null ? issuerVerifier(auth) : cognitoVerifier(auth, auth.userPoolId)
  return {
    keyId,
    useKeys: (jwks) => verifier.cacheJwks(jwks),
    verify(token) {
      if (auth.userPoolId === null) checkIssuer(token, auth.issuer)
      const payload = verifier.verifySync(token)
      checkTimes(payload, clock.now(), auth.maxLifetimeMs)
      if (auth.userPoolId === null) checkClient(payload, auth.clientId)
      return deepFreeze(payload) as Claims
    },
    checkTimes: (claims) => checkTimes(claims, clock.now(), auth.maxLifetimeMs),
  }
}

function cognitoVerifier(auth: ResolvedAuth, userPoolId: string) {
  return CognitoJwtVerifier.create({ userPoolId, tokenUse: auth.tokenUse, clientId: mutable(auth.clientId) })
}

function issuerVerifier(auth: ResolvedAuth) {
  return JwtVerifier.create({
    issuer: auth.issuer,
    audience: mutable(auth.audience),
    // Only a name for the key cache: keys are handed over by `useKeys`, and `verifySync` never fetches.
    jwksUri: 'https://keys.invalid/',
  })
}

const mutable = (values: readonly string[] | null): string[] | null => (values === null ? null : [...values])

function keyId(token: string): string {
  const header = parsePart(token, 0)
  const { kid, typ } = header
  if (typeof kid !== 'string' || kid === '') throw unauthenticated()
  // RFC 7515: an extension that is not understood must be refused, and none is.
  if ('crit' in header) throw unauthenticated()
  const plainTypes = [undefined, 'jwt', 'at+jwt', 'application/at+jwt']
  if (!plainTypes.includes(typeof typ === 'string' ? typ.toLowerCase() : (typ as undefined))) throw unauthenticated()
  return kid
}

/** The header (0) or payload (1), not verified. The parser's error repeats the text, so it is dropped. */
function parsePart(token: string, index: 0 | 1): Record<string, unknown> {
  try {
    const part: unknown = JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())
    if (typeof part === 'object' && part !== null) return part as Record<string, unknown>
  } catch {}
  throw unauthenticated()
}

/** First of all, because the library keeps a key object for every issuer that a token names, before it compares them. */
function checkIssuer(token: string, issuer: string): void {
  if (parsePart(token, 1)['iss'] !== issuer) throw unauthenticated()
}

function checkTimes(
  { exp, iat }: { readonly exp?: unknown; readonly iat?: unknown },
  now: number,
  maxLifetimeMs: number,
): void {
  if (!Number.isSafeInteger(exp) || !Number.isSafeInteger(iat)) throw unauthenticated()
  const [expires, issued] = [(exp as number) * 1000, (iat as number) * 1000]
  const alive = now < expires && issued <= now + clockSkewMs
  if (!alive || expires - issued > maxLifetimeMs || expires <= issued) throw unauthenticated()
}

/** `client_id` is the access token's name for it (RFC 9068), `azp` the id token's. */
function checkClient({ client_id, azp }: JwtPayload, clientIds: readonly string[] | null): void {
  if (clientIds === null) return
  const client = client_id ?? azp
  if (typeof client !== 'string' || !clientIds.includes(client)) throw unauthenticated()
}

/** Requests share the claims of a token, and a user's access rule must not be able to change them for the next one. */
function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
