import type { Auth } from '../auth/auth.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Access } from '../primer/definition.ts'

/** A definition's rule, and the parameters it is asked for. */
export interface Guarded {
  readonly access: Access | null
  readonly types: ParameterTypes
  readonly parameters: Readonly<Record<string, unknown>>
}

/** Whether somebody without a token may have it too: then any cache on the way may keep it. */
export function isPublic(auth: Auth, { access, types, parameters }: Guarded): boolean {
  try {
    auth.authorize('fetch', access, null, { parameters, types })
    return true
  } catch {
    return false
  }
}
