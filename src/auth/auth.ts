import type { Jwks } from 'aws-jwt-verify/jwk'
import { LRUCache } from 'lru-cache'
import type { ResolvedAccess, ResolvedAuth } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Access, Claims } from '../primer/definition.ts'
import { authorize, type Subject } from './authorize.ts'
import { bearerToken, unauthenticated } from './bearer.ts'
import { createKeySet, type FetchJwks } from './key-set.ts'
import { createTokenVerifier } from './verify.ts'

/** What is to be done: read, write through an updater, say what changed, or operate (refresh, invalidate, purge, set). */
type Action = 'fetch' | 'update' | 'change' | 'admin'

/** Who asks, and what they may. Made once; the edges call it for every request. */
export interface Auth {
  /**
   * The verified claims of a request; null when it carries no token. `authorization` is every value of its
   * `Authorization` header (Node: `request.headersDistinct`, since `headers` hides a second one). No promise when the key is at
   * hand. Throws `UNAUTHENTICATED` for any token that is not valid, also where none would be needed;
   * `AUTH_UNAVAILABLE` when no token can be judged.
   */
  authenticate(authorization: string | readonly string[] | undefined): Claims | null | Promise<Claims | null>
  /** Throws `UNAUTHENTICATED` or `FORBIDDEN`. `access`: the definition's own rule; null: the deployment's. */
  authorize(action: Action, access: Access | null, claims: Claims | null, subject: Subject): void
}

export interface AuthOptions {
  readonly clock: Clock
  /** Gets the issuer's JWKS: without following redirects, and never from an address that a token names. */
  readonly fetchJwks: FetchJwks
}

/** `auth` null: nobody can sign in, tokens are not looked at, and only what is public can be used. */
export function createAuth(auth: ResolvedAuth | null, access: ResolvedAccess, options: AuthOptions): Auth {
  return {
    authenticate: auth === null ? () => null : createAuthenticator(auth, options),
    authorize: (action, own, claims, subject) => authorize(own ?? access[action], claims, subject),
  }
}

/** Tokens whose signature is remembered: checking one takes more time than all the rest of a request. */
const rememberedTokens = 1_000

function createAuthenticator(auth: ResolvedAuth, { clock, fetchJwks }: AuthOptions): Auth['authenticate'] {
  const verifier = createTokenVerifier(auth, clock)
  const verified = new LRUCache<string, { readonly kid: string; readonly claims: Claims }>({ max: rememberedTokens })
  const onKeys = (jwks: Jwks) => {
    // A key may have come back with the same id and other contents.
    verified.clear()
    verifier.useKeys(jwks)
  }
  const keys = createKeySet({ clock, fetchJwks, maxAgeMs: auth.maxKeyAgeMs, onKeys })

  const verify = (token: string, kid: string): Claims => {
    const known = verified.get(token)
    if (known !== undefined) {
      verifier.checkTimes(known.claims)
      return known.claims
    }
    try {
      const claims = verifier.verify(token)
      verified.set(token, { kid, claims })
      return claims
    } catch (error) {
      throw error instanceof KckError ? error : unauthenticated(errorClass(error))
    }
  }

  return (authorization) => {
    const token = bearerToken(authorization)
    if (token === null) return null
    const kid = verified.get(token)?.kid ?? verifier.keyId(token)
    const ready = keys.ensure(kid)
    return ready === undefined ? verify(token, kid) : ready.then(() => verify(token, kid))
  }
}

/** The library's messages repeat parts of the token, which must not reach a log: its class says enough. */
function errorClass(error: unknown): string {
  return error instanceof Error ? error.constructor.name : typeof error
}
