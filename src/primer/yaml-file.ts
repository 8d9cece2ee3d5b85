import { isMap, LineCounter, parseDocument } from 'yaml'
import { KckError } from '../errors.ts'
import type { ParameterType, ParameterTypes } from '../key/parameter.ts'
import { OptionReader } from './option-reader.ts'
import { namedType } from './parameter-spec.ts'

/** A `.yml` file of the original KCK, as plain data. */
export interface YamlFile {
  readonly options: Readonly<Record<string, unknown>>
  /** The line of the file on which the value at a path begins; 1 when there is none. */
  lineOf(...path: readonly string[]): number
}

export function readYamlFile(text: string, file: string): YamlFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault !== undefined) {
    const message = fault.message.split(/ at line |\n/, 1)[0]
    throw new KckError('INVALID_DEFINITION', `${file}:${fault.linePos?.[0].line ?? 1}: ${message}`, { cause: fault })
  }
  if (!isMap(document.contents)) throw new KckError('INVALID_DEFINITION', `${file}:1: must be a mapping`)
  return {
    options: document.toJS() as Record<string, unknown>,
    lineOf(...path) {
      const node = document.getIn(path, true) as { readonly range?: readonly number[] } | undefined
      return node?.range?.[0] === undefined ? 1 : lines.linePos(node.range[0]).line
    },
  }
}

/** The value of an option that must be a mapping, as a reader of its own. */
export function inner(options: OptionReader, name: string, known: readonly string[]): OptionReader {
  return new OptionReader(options.label(name), options.value(name) ?? {}, known)
}

export interface YamlParameters {
  readonly types: ParameterTypes
  /** The parameter marked `primary_key`. */
  readonly primaryKey: string | null
}

/** `parameters: [{ name, type, primary_key }]`; without a type, text. */
export function readYamlParameters(options: OptionReader): YamlParameters {
  const list = options.value('parameters') ?? []
  if (!Array.isArray(list)) throw options.error('parameters must be a list of { name, type }')
  const types = new Map<string, ParameterType>()
  let primaryKey: string | null = null
  for (const item of list as unknown[]) {
    const parameter = new OptionReader(options.label('parameters'), item, ['name', 'type', 'primary_key'])
    const name = parameter.text('name')
    if (name === null) throw parameter.error('each needs a name')
    if (types.has(name)) throw parameter.error(`"${name}" stands twice`)
    types.set(name, namedType(parameter, name, parameter.text('type') ?? 'string', {}))
    if (parameter.boolean('primary_key') === true) primaryKey = name
  }
  return { types: Object.fromEntries(types), primaryKey }
}

/**
 * The SQL of a template. The original wrote a colon that begins no parameter as `\:`, which PostgreSQL's scanner does
 * not need.
 */
export function yamlSql(options: OptionReader, name: string): string | null {
  return options.text(name)?.replaceAll('\\:', ':') ?? null
}

/** The definition's name: as it says, else the file's. */
export function yamlName(options: OptionReader, fileName: string): string {
  return options.text('name') ?? fileName
}
