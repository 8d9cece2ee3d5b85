import { basename } from 'node:path'
import { readSqlFile } from '../primer/header.ts'
import { OptionReader } from '../primer/option-reader.ts'
import { readParameterSpecs } from '../primer/parameter-spec.ts'
import type { Updater } from './definition.ts'
import { defineUpdater } from './updater.ts'

const OPTIONS = ['description', 'key', 'body', 'optional', 'source', 'changes', 'mode', 'coalesce', 'access']

/**
 * The updater that a `.sql` file defines; its name is the file's. One statement is the update when the header has a
 * `key`, else the insert; a file with both has the lines `-- kck: insert` and `-- kck: update` above them.
 */
export function updaterFromSql(text: string, file: string): Updater {
  const { options: header, description, sections } = readSqlFile(text, file, ['insert', 'update'])
  const options = new OptionReader(file, header, OPTIONS)
  const key = readParameterSpecs(options, 'key')
  const single = sections.get('sql')
  const update = sections.get('update') ?? (Object.keys(key).length > 0 ? single : undefined)
  const insert = sections.get('insert') ?? (update === undefined ? single : undefined)
  return defineUpdater(
    {
      ...(description === null ? {} : { description }),
      ...header,
      name: basename(file, '.sql'),
      key,
      body: readParameterSpecs(options, 'body'),
      ...(update === undefined ? {} : { update: update.text }),
      ...(insert === undefined ? {} : { insert: insert.text }),
    },
    { file, updateLine: update?.line ?? 1, insertLine: insert?.line ?? 1 },
  )
}
