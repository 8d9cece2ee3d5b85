import { KckError } from '../errors.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Access, Claims } from '../primer/definition.ts'
import { type EdgeRequest, headerValues } from './request.ts'

/** How tokens become claims and claims a right. Made by `auth/`; without one every access but `public` is refused. */
export interface Auth {
  /** The verified claims; null when the request carries no token. Throws `UNAUTHENTICATED` or `AUTH_UNAVAILABLE`. */
  authenticate(headers: { readonly authorization: readonly string[] }): Promise<Claims | null>
  /** Throws `UNAUTHENTICATED` or `FORBIDDEN`. */
  authorize(access: Access, claims: Claims | null, parameters: Readonly<Record<string, unknown>>): void
}

export interface AccessOptions {
  /** For primers and updaters that do not say. Default: `authenticated` with auth, else `public`. */
  readonly default?: Access
  /** Who may invalidate, purge and refresh. Default: `authenticated` with auth, else this machine alone. */
  readonly admin?: Access
}

export interface Gate {
  authenticate(request: EdgeRequest): Promise<Claims | null>
  /** Whether everybody may have it, so that shared caches may keep it. */
  isPublic(access: Access | null, types: ParameterTypes): boolean
  /** Throws `UNAUTHENTICATED` or `FORBIDDEN`. Of parameters with one name the first given counts. */
  authorize(access: Access | null, claims: Claims | null, ...given: readonly Given[]): void
  /** May this caller invalidate, purge and refresh? Throws the same. */
  authorizeAdmin(request: EdgeRequest, claims: Claims | null): void
}

/** Parameters as a request gives them, with their types. */
export interface Given {
  readonly types: ParameterTypes
  readonly values: Readonly<Record<string, unknown>>
}

export function createGate(auth: Auth | null, options: AccessOptions): Gate {
  const standard = options.default ?? (auth === null ? 'public' : 'authenticated')

  function check(access: Access, claims: Claims | null, values: Given['values']): void {
    if (access === 'public') return
    if (auth === null) throw new KckError('FORBIDDEN', 'This needs a token, and this deployment accepts none')
    auth.authorize(access, claims, values)
  }

  return {
    authenticate: (request) =>
      auth === null
        ? Promise.resolve(null)
        : auth.authenticate({ authorization: headerValues(request.headers, 'authorization') }),
    isPublic: (access, types) => (access ?? standard) === 'public' && !hasClaims(types),
    authorize(access, claims, ...given) {
      check(access ?? standard, claims, Object.assign({}, ...given.toReversed().map(({ values }) => values)))
      for (const one of given) checkClaims(claims, one)
    },
    authorizeAdmin(request, claims) {
      const access = options.admin ?? (auth === null ? null : 'authenticated')
      if (access !== null) check(access, claims, {})
      else if (!isTrustedLoopback(request)) {
        throw new KckError('FORBIDDEN', 'Only this machine itself may do this, until access.admin says who else')
      }
    },
  }
}

function hasClaims(types: ParameterTypes): boolean {
  return Object.values(types).some((type) => type.claim !== undefined)
}

/** A parameter that stands for a claim must equal it: nobody reads or writes another tenant's rows. */
function checkClaims(claims: Claims | null, { types, values }: Given): void {
  for (const [name, type] of Object.entries(types)) {
    if (type.claim === undefined || values[name] === undefined || values[name] === null) continue
    if (claims === null) throw new KckError('UNAUTHENTICATED', 'A valid bearer token is required')
    const claim = Object.hasOwn(claims, type.claim) ? claims[type.claim] : undefined
    const isText = typeof claim === 'string' || typeof claim === 'number' || typeof claim === 'boolean'
    if (!isText || String(claim) !== type.format(values[name])) {
      throw new KckError('FORBIDDEN', `Your token is for another ${name}`, { details: { parameter: name } })
    }
  }
}

/**
 * A request of this machine's own tools. One that a proxy passed on has a forwarding header, and one that a web page of
 * another site made a browser send has an `Origin`; neither is trusted.
 */
function isTrustedLoopback({ loopback, headers }: EdgeRequest): boolean {
  const foreign = ['origin', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via', 'x-real-ip']
  return loopback && foreign.every((name) => headerValues(headers, name).length === 0)
}
