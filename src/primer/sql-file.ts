import { basename } from 'node:path'
import type { AnyPrimer } from './definition.ts'
import { readSqlFile } from './header.ts'
import { OptionReader } from './option-reader.ts'
import { readParameterSpecs } from './parameter-spec.ts'
import { definePrimer } from './primer.ts'

/** What the header of a `.sql` primer may say; the same names as in `primer({...})`. */
const OPTIONS = [
  'description',
  'parameters',
  'source',
  'result',
  'jsonpathFirst',
  'softTtl',
  'hardTtl',
  'primeOnMiss',
  'timeout',
  'access',
  'afterUpdates',
  'afterPrimes',
  'tags',
  'every',
  'cron',
  'timeZone',
  'over',
  'atBoot',
  'idleAfter',
  'debounce',
  'maxDelay',
  'replicate',
  'revision',
]

/** The primer that a `.sql` file defines; its name is the file's. `file` is shown in messages. */
export function primerFromSql(text: string, file: string): AnyPrimer {
  const { options: header, description, sections } = readSqlFile(text, file)
  const options = new OptionReader(file, header, OPTIONS)
  return definePrimer(
    {
      ...(description === null ? {} : { description }),
      ...header,
      name: basename(file, '.sql'),
      parameters: readParameterSpecs(options, 'parameters'),
      sql: sections.get('sql')?.text ?? '',
    },
    { file, sqlLine: sections.get('sql')?.line ?? 1 },
  )
}
