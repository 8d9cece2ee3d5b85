import { KckError } from '../errors.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import type { Access, Claims } from '../primer/definition.ts'
import { unauthenticated } from './bearer.ts'

/** What somebody wants to use: the values of its key, and their types. */
export interface Subject {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly types: ParameterTypes
}

/** The rule that lets nobody in. */
export const nobody: Access = () => false

/**
 * Refuses with `UNAUTHENTICATED` (a token could help) or `FORBIDDEN` (this one does not).
 *
 * - `public`: anybody; `authenticated`: any valid token.
 * - `{ scopes }`: a token with one of them in `scope` (text with spaces) or `scp` (list); `{ groups }`: with one of them
 *   in `cognito:groups` or `groups`. One is enough, as in API Gateway's JWT authorizer; a function can ask for all.
 * - a function of claims and parameters: true lets in; anything else, also a throw, does not.
 *
 * Whatever the rule, a parameter that is bound to a claim must be equal to it.
 */
export function authorize(access: Access, claims: Claims | null, { parameters, types }: Subject): void {
  if (access === nobody)
    throw new KckError('FORBIDDEN', 'This is switched off here; see access and auth in kck.config.ts')
  if (!allows(access, claims, parameters)) throw refusal(claims)
  for (const [name, type] of Object.entries(types)) {
    if (type.claim === undefined) continue
    if (claims === null || !equalsClaim(type, parameters[name], claims[type.claim])) throw refusal(claims)
  }
}

function refusal(claims: Claims | null): KckError {
  return claims === null ? unauthenticated() : new KckError('FORBIDDEN', 'The token does not give access to this')
}

function allows(access: Access, claims: Claims | null, parameters: Subject['parameters']): boolean {
  if (access === 'public') return true
  if (typeof access === 'function') return isTrue(() => access(claims, parameters))
  if (claims === null) return false
  if (access === 'authenticated') return true
  if ('scopes' in access) return overlaps(access.scopes, claims['scope'], claims['scp'])
  return overlaps(access.groups, claims['cognito:groups'], claims['groups'])
}

/** Only `true` counts: a promise, which is truthy, would let everybody in. */
function isTrue(rule: () => unknown): boolean {
  try {
    return rule() === true
  } catch {
    return false
  }
}

function overlaps(wanted: readonly string[], ...claims: readonly unknown[]): boolean {
  const given = claims.flatMap((claim) => (typeof claim === 'string' ? claim.split(' ') : claim))
  return wanted.some((name) => given.includes(name))
}

/** A claim that is text is compared with the parameter's text in a key (Cognito's own claims are all text). */
function equalsClaim(type: ParameterType, parameter: unknown, claim: unknown): boolean {
  if (claim === undefined || claim === null || typeof claim === 'object') return false
  try {
    const text = typeof claim === 'string' ? claim : type.format(type.check(claim))
    return type.format(parameter) === text
  } catch {
    return false
  }
}
