import { createReadStream } from 'node:fs'
import { parse } from 'csv-parse'
import { KckError } from '../errors.ts'
import type { DumpedEntry } from '../operate/contract.ts'

/**
 * The entries of a dump that the original KCK wrote: CSV with the columns key, value as JSON, version, modified. It says
 * nothing of what they rest on, so each comes back stale and is served until it is computed anew.
 */
export async function* originalEntries(path: string): AsyncGenerator<{ entry: unknown; size: number }> {
  const rows: AsyncIterable<readonly string[]> = createReadStream(path).pipe(parse({ relax_column_count: true }))
  for await (const fields of rows) {
    yield { entry: entryOf(fields), size: fields.reduce((sum, field) => sum + field.length, 0) }
  }
}

function entryOf([key = '', value = '', version = '', modified = '']: readonly string[]): DumpedEntry {
  const time = timeOf(modified)
  const number = Number(version)
  return {
    format: 1,
    key,
    value: valueIn(key, value),
    version: Number.isSafeInteger(number) && number > 0 ? number : 1,
    lastVersion: Number.isSafeInteger(number) && number > 0 ? number : 1,
    modified: time,
    asOf: time,
    softExpiresAt: null,
    hardExpiresAt: null,
    costMs: 0,
    primerRevision: 'original',
    dirty: { at: time, cause: 'loaded from a dump of the original KCK' },
    inputs: [],
    ancestors: [],
    failure: null,
    readAt: null,
    history: [],
  }
}

function valueIn(key: string, text: string): DumpedEntry['value'] {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw notJson(key, error)
  }
}

const notJson = (key: string, cause: unknown) =>
  new KckError('INVALID_BODY', `The value of ${key} is not JSON: the original cuts its dump there`, { cause })

/** Python writes times with a space and without a zone, meaning UTC. */
function timeOf(text: string): number {
  const seconds = Number(text)
  if (text !== '' && Number.isFinite(seconds)) return Math.round(seconds * 1000)
  const time = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
  return Number.isNaN(time) ? 0 : time
}
