import { createHash } from 'node:crypto'
import type { ParameterTypes } from '../key/parameter.ts'
import { canonicalSql } from '../sql/parse.ts'
import type { AnyPrimer } from './definition.ts'

/**
 * The revision of a primer: a hash of what decides its values. When it differs from an entry's, the entry is stale.
 *
 * Hashed: the SQL without comments and spacing, the source's name, the result's shape, the parameters in their order
 * with their types, the text of `compute` and `augment`, and the author's own `revision`. A function's text does not
 * show what it calls, so for a primer of a TypeScript file the whole file is hashed as well (`stampFile`): an edited
 * helper beside it counts, at the price that an edited comment does. What the file imports is not looked into; for that
 * there is the `revision` option. TTLs, hooks, access and refresh rules change no value and are left out.
 */
export function revisionOf(primer: Omit<AnyPrimer, 'revision'>, own: string | null): string {
  const types: ParameterTypes = primer.parameters
  const parameters = Object.entries(types).map(([name, type]) => {
    const { description: _, ...jsonSchema } = type.jsonSchema
    return [name, type.name, type.sqlType, jsonSchema]
  })
  return hash(
    JSON.stringify([
      primer.statement === null ? null : canonicalSql(primer.statement),
      primer.source,
      primer.result,
      parameters,
      primer.compute === null ? null : String(primer.compute),
      primer.augment === null ? null : String(primer.augment),
      own,
    ]),
  )
}

const unstamped = new WeakMap<AnyPrimer, string>()

/**
 * Notes the file a primer of code was found in, and makes the file's text part of its revision. A primer that several
 * files export (one defines it) depends on all of their texts. Doing it again with the same texts changes nothing.
 */
export function stampFile(primer: AnyPrimer, file: string, texts: readonly string[]): void {
  const base = unstamped.get(primer) ?? primer.revision
  unstamped.set(primer, base)
  // Here and below are the places that write to a primer: it must stay the very object that other primers import.
  Object.assign(primer, { file, revision: hash(JSON.stringify([base, ...texts.map(hash).sort()])) })
}

/**
 * The same from what was found out earlier, by `stampFile` of the sources: for a primer of a bundle, whose own text is
 * the bundler's and would make every new version of KCK compute everything anew.
 *
 * @public for the module that `infra/project.ts` writes.
 */
export function stampRevision(primer: AnyPrimer, file: string | null, revision: string): void {
  Object.assign(primer, { file, revision })
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
