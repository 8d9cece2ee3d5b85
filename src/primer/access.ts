import type { Access } from './definition.ts'
import type { OptionReader } from './option-reader.ts'

/** The `access` option of a primer or updater, checked; null when it is left to the deployment. */
export function readAccess(options: OptionReader): Access | null {
  const value = options.value('access')
  if (value === undefined) return null
  if (value === 'public' || value === 'authenticated' || typeof value === 'function') return value as Access
  if (typeof value === 'object' && value !== null) {
    const [[kind, names] = [], ...more] = Object.entries(value)
    const isList =
      Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')
    if (more.length === 0 && isList && (kind === 'scopes' || kind === 'groups')) return value as Access
  }
  throw options.error('access must be public, authenticated, { scopes: [...] }, { groups: [...] } or a function')
}
