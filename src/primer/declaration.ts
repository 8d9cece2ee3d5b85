import { basename } from 'node:path'
import type { ParameterTypes } from '../key/parameter.ts'
import type { Column } from '../ports/source.ts'
import { type ColumnNullability, nullabilityOf } from '../sql/nullability.ts'
import type { AnyPrimer } from './definition.ts'

/** The file that TypeScript looks for beside `customer_orders.sql`: `customer_orders.d.sql.ts`. */
export function declarationFile(sqlFile: string): string {
  return sqlFile.replace(/\.sql$/, '.d.sql.ts')
}

/**
 * The text of that file: parameters and rows of a `.sql` primer as types, from the columns that its source describes.
 * A column can be null unless the statement and `tables` prove that it cannot.
 */
export function declarationFor(
  primer: AnyPrimer,
  columns: readonly Column[],
  tables: ColumnNullability = () => undefined,
): string {
  const constant = camelCase(primer.name)
  const types: ParameterTypes = primer.parameters
  const parameters = Object.entries(types).map(([name, type]) => `readonly ${name}: ParameterType<${type.typescript}>`)
  const value = valueType(primer, columns, tables)
  const imports = ['ParameterType', 'Primer', ...(value.includes('JsonValue') ? ['JsonValue'] : [])]
    .filter((name) => name !== 'ParameterType' || parameters.length > 0)
    .sort()
  return `// Written by "kck types" from ${basename(primer.file ?? primer.name)}: change that, and run it again.
import type { ${imports.join(', ')} } from 'kck'

declare const ${constant}: Primer<${objectType(parameters)}, ${value}>
export default ${constant}
`
}

/** TypeScript text of a `.sql` primer's value. */
export function valueType(primer: AnyPrimer, columns: readonly Column[], tables: ColumnNullability): string {
  const { as, jsonpathFirst } = primer.result
  if (primer.statement === null || jsonpathFirst !== null) return 'JsonValue'
  const names = columns.map(({ name }) => name)
  const { notNull, oneRow } = nullabilityOf(primer.statement, names, tables)
  const typeOf = ({ name, type }: Column) => `${typescriptOf(type)}${notNull.has(name) ? '' : ' | null'}`
  const orNull = oneRow ? '' : ' | null'
  if (as === 'rows') return `readonly (readonly [${columns.map(typeOf).join(', ')}])[]`
  if (as === 'value') {
    const type = columns[0] === undefined ? 'null' : typeOf(columns[0])
    return oneRow || type.endsWith('null') ? type : `${type} | null`
  }
  const row = objectType(columns.map((column) => `readonly ${propertyName(column.name)}: ${typeOf(column)}`))
  return as === 'row' ? `${row}${orNull}` : `readonly ${row}[]`
}

const TYPES: Readonly<Record<string, string>> = {
  int2: 'number',
  int4: 'number',
  oid: 'number',
  // Digits where a double is not exact.
  int8: 'number | string',
  float4: "number | 'NaN' | 'Infinity' | '-Infinity'",
  float8: "number | 'NaN' | 'Infinity' | '-Infinity'",
  bool: 'boolean',
  json: 'JsonValue',
  jsonb: 'JsonValue',
}

/** The JSON form of a PostgreSQL type (the table in `ports/source.ts`). */
function typescriptOf(type: string): string {
  if (type.startsWith('_')) return `readonly (${typescriptOf(type.slice(1))} | null)[]`
  return Object.hasOwn(TYPES, type) ? (TYPES[type] ?? 'string') : 'string'
}

function objectType(members: readonly string[]): string {
  return members.length === 0 ? 'Record<never, never>' : `{\n${members.map((member) => `  ${member}`).join('\n')}\n}`
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

function camelCase(name: string): string {
  const camel = name.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '')
  const lower = `${camel.charAt(0).toLowerCase()}${camel.slice(1)}`
  // `class.sql` must not declare a constant of a reserved name.
  return /^(?![0-9])\w+$/.test(lower) && !RESERVED.has(lower) ? lower : `_${lower}`
}

const RESERVED = new Set(
  'break case catch class const continue debugger default delete do else enum export extends false finally for function if import in instanceof new null return super switch this throw true try typeof var void while with yield let static await package implements interface private protected public'.split(
    ' ',
  ),
)
