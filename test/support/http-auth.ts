import type { Auth } from '../../src/auth/auth.ts'
import { authorize, nobody } from '../../src/auth/authorize.ts'
import { bearerToken, unauthenticated } from '../../src/auth/bearer.ts'
import type { ResolvedAccess } from '../../src/config/resolved.ts'
import type { Claims } from '../../src/primer/definition.ts'

/** Everybody may do everything, and nobody has a token. */
export const openAuth: Auth = {
  authenticate: () => null,
  authorize: (_, access, claims, subject) => authorize(access ?? 'public', claims, subject),
}

const tokens: Readonly<Record<string, Claims>> = {
  'a.a.a': { sub: 'anna', tenant: 'A', scope: 'read' },
  'b.b.b': { sub: 'bert', tenant: 'B', scope: 'staff' },
}

/** Tokens by name instead of by signature; the access rules are the real ones. */
export function tokenAuth({
  change = nobody,
  ...given
}: Pick<ResolvedAccess, 'fetch' | 'update' | 'admin'> & Partial<ResolvedAccess>): Auth {
  const access = { ...given, change }
  return {
    authenticate(authorization) {
      const token = bearerToken(authorization)
      if (token === null) return null
      const claims = Object.hasOwn(tokens, token) ? tokens[token] : undefined
      if (claims === undefined) throw unauthenticated()
      return claims
    },
    authorize: (action, own, claims, subject) => authorize(own ?? access[action], claims, subject),
  }
}
