import type { Auth } from '../auth/auth.ts'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Claims } from '../primer/definition.ts'
import type { Updater } from '../updater/definition.ts'

type Fields = Readonly<Record<string, unknown>>

/** Throws `UNAUTHENTICATED` or `FORBIDDEN` where the caller may not make this write. */
export function authorizeWrite(
  auth: Auth,
  claims: Claims | null,
  {
    updater,
    parameters,
    fields,
  }: { readonly updater: Updater; readonly parameters: Fields | null; readonly fields: Fields },
): void {
  // A claim must be equal in the key and in the body, also where both give it.
  const inKey = { parameters: { ...fields, ...parameters }, types: parameters === null ? {} : updater.key }
  const inBody = { parameters: { ...parameters, ...fields }, types: claimTypes(fieldTypes(updater)) }
  for (const subject of [inKey, inBody]) auth.authorize('update', updater.access, claims, subject)
}

/** The types of a body's fields, where it has them by name; a schema for the whole body checks itself. */
export function fieldTypes({ body }: Updater): ParameterTypes {
  return '~standard' in body ? {} : (body as ParameterTypes)
}

/** The types of the fields that stand for a claim; who writes another's rows is refused before the updater runs. */
function claimTypes(types: ParameterTypes): ParameterTypes {
  return Object.fromEntries(Object.entries(types).filter(([, type]) => type.claim !== undefined))
}
