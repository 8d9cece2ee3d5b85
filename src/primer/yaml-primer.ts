import { basename } from 'node:path'
import type { AnyPrimer } from './definition.ts'
import { OptionReader } from './option-reader.ts'
import { definePrimer } from './primer.ts'
import { inner, readYamlFile, readYamlParameters, yamlName, yamlSql } from './yaml-file.ts'

/**
 * A primer of the original KCK, unchanged: `database`, `parameters`, `expire_seconds`, `query.template`,
 * `query.type` (`rows`, the default, or `dicts`), `query.process_result.jsonpath_first`, `refresh.after_primes`,
 * `refresh.after_updates`, `refresh.domain_key`. (`augment_functions` was read and ignored, and is here too.) Beyond the
 * original: `replicate`.
 *
 * `expire_seconds` is when the value turns stale: the original meant to serve the old value from its second table while
 * a new one is made, so there is no time at which it is gone.
 */
export function primerFromYaml(text: string, file: string): AnyPrimer {
  const yaml = readYamlFile(text, file)
  const known = [
    'name',
    'description',
    'database',
    'parameters',
    'expire_seconds',
    'query',
    'refresh',
    'augment_functions',
    'replicate',
  ]
  const options = new OptionReader(file, yaml.options, known)
  const query = inner(options, 'query', ['template', 'type', 'process_result'])
  const refresh = inner(options, 'refresh', ['after_primes', 'after_updates', 'domain_key'])
  const database = options.text('database')
  if (database === null) throw options.error('needs a database')
  if (typeof query.value('template') === 'object' && query.value('template') !== null) {
    throw query.error('template has parts, as an updater has: put the file into the updaters folder')
  }
  const sql = yamlSql(query, 'template')
  if (sql === null) throw query.error('needs a template')

  return definePrimer(
    withoutNull({
      name: yamlName(options, basename(file).replace(/\.ya?ml$/, '')),
      description: options.text('description'),
      parameters: readYamlParameters(options).types,
      source: database,
      sql,
      result: query.oneOf('type', ['dicts', 'rows']) ?? 'rows',
      jsonpathFirst: inner(query, 'process_result', ['jsonpath_first']).text('jsonpath_first'),
      softTtl: softTtl(options),
      afterPrimes: refresh.texts('after_primes'),
      afterUpdates: refresh.texts('after_updates'),
      over: refresh.text('domain_key'),
      replicate: options.boolean('replicate'),
    }),
    { file, sqlLine: yaml.lineOf('query', 'template') },
  )
}

function softTtl(options: OptionReader): number | null {
  const seconds = options.value('expire_seconds')
  if (seconds === undefined) return null
  if (typeof seconds !== 'number' || !(seconds > 0) || !Number.isFinite(seconds)) {
    throw options.error('expire_seconds must be a number of seconds above 0')
  }
  return seconds * 1000
}

function withoutNull(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null))
}
