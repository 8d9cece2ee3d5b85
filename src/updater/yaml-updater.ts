import { basename } from 'node:path'
import { OptionReader } from '../primer/option-reader.ts'
import { inner, readYamlFile, readYamlParameters, yamlName, yamlSql } from '../primer/yaml-file.ts'
import type { Updater } from './definition.ts'
import { defineUpdater } from './updater.ts'

/**
 * An updater of the original KCK, unchanged: `database`, `parameters` (fields of the body),
 * `query.template.{update,insert}`. `update` runs when the body has the field marked `primary_key`, else `insert`. What
 * follows the name in the URL is not used by the SQL; it says which products change, in the words of their
 * `after_updates`.
 */
export function updaterFromYaml(text: string, file: string): Updater {
  const yaml = readYamlFile(text, file)
  const options = new OptionReader(file, yaml.options, ['name', 'description', 'database', 'parameters', 'query'])
  const templates = inner(inner(options, 'query', ['template']), 'template', ['update', 'insert'])
  const { types, primaryKey } = readYamlParameters(options)
  const source = options.text('database')
  if (source === null) throw options.error('needs a database')
  const update = yamlSql(templates, 'update')
  const insert = yamlSql(templates, 'insert')
  if (update !== null && primaryKey === null) {
    throw options.error('has an update, but no parameter is marked primary_key: true')
  }

  const made = defineUpdater(
    {
      name: yamlName(options, basename(file).replace(/\.ya?ml$/, '')),
      ...(options.has('description') ? { description: options.text('description') } : {}),
      body: types,
      source,
      ...(update === null ? {} : { update }),
      ...(insert === null ? {} : { insert }),
    },
    {
      file,
      updateLine: yaml.lineOf('query', 'template', 'update'),
      insertLine: yaml.lineOf('query', 'template', 'insert'),
      chooseByField: primaryKey ?? '',
    },
  )
  // A field may be missing when one of the statements does without it: which one runs is decided by the body.
  const statements = [made.update, made.insert].filter((statement) => statement !== null)
  const optional = Object.keys(types).filter(
    (name) => name === primaryKey || !statements.every((statement) => statement.names.includes(name)),
  )
  return { ...made, optional }
}
