import { badRequest } from './exceptions.ts'

interface ApiField {
  isNull?: boolean
  booleanValue?: boolean
  longValue?: number
  doubleValue?: number | 'NaN' | 'Infinity' | '-Infinity'
  stringValue?: string
  /** Base64. */
  blobValue?: string
  arrayValue?: unknown
}

export interface ApiParameter {
  name?: string
  value?: ApiField
  typeHint?: string
}

export interface BoundStatement {
  readonly text: string
  readonly values: (string | null)[]
  /** What the service tells PostgreSQL about each value; 0 leaves it to PostgreSQL. */
  readonly oids: number[]
}

/** Rewrites `:name` to `$n` wherever it is a parameter, and binds it with the type of its field and hint. */
export function bindParameters(sql: string, parameters: readonly ApiParameter[] = []): BoundStatement {
  const byName = new Map(parameters.map((parameter) => [parameter.name ?? '', parameter]))
  const order: string[] = []
  let text = ''
  for (const { kind, source } of lex(sql)) {
    if (kind !== 'parameter') {
      text += source
      continue
    }
    const name = source.slice(1)
    if (!byName.has(name)) throw badRequest(`Cannot find parameter: ${name}`)
    if (!order.includes(name)) order.push(name)
    text += `$${order.indexOf(name) + 1}`
  }
  const bound = order.map((name) => bind(byName.get(name) ?? {}))
  return { text, values: bound.map(({ value }) => value), oids: bound.map(({ oid }) => oid) }
}

interface Piece {
  readonly kind: 'text' | 'parameter'
  readonly source: string
}

/** In order: what a parameter cannot be in (strings, names, comments, dollar quotes), casts, parameters, the rest. */
const PIECES = [
  /[eE]'(?:\\[\s\S]|''|[^'\\])*'/y,
  /'(?:''|[^'])*'/y,
  /"(?:""|[^"])*"/y,
  /--[^\n]*/y,
  /\$([A-Za-z_][A-Za-z0-9_]*)?\$[\s\S]*?\$\1\$/y,
  /::/y,
  /:=/y,
  /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y,
] as const
const PARAMETER = /:[A-Za-z_][A-Za-z0-9_]*/y

function* lex(sql: string): Generator<Piece> {
  let at = 0
  while (at < sql.length) {
    const kind = matchAt(PARAMETER, sql, at) ? 'parameter' : 'text'
    const source = kind === 'parameter' ? (matchAt(PARAMETER, sql, at) as string) : textAt(sql, at)
    yield { kind, source }
    at += source.length
  }
}

function textAt(sql: string, at: number): string {
  if (sql.startsWith('/*', at)) return nestedComment(sql, at)
  for (const piece of PIECES) {
    const found = matchAt(piece, sql, at)
    if (found) return found
  }
  return sql.charAt(at)
}

function matchAt(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0]
}

function nestedComment(sql: string, start: number): string {
  let depth = 0
  let at = start
  do {
    if (sql.startsWith('/*', at)) depth++
    if (sql.startsWith('*/', at)) depth--
    at += sql.startsWith('/*', at) || sql.startsWith('*/', at) ? 2 : 1
  } while (depth > 0 && at < sql.length)
  return sql.slice(start, at)
}

const HINTED: Readonly<Record<string, { readonly oid: number; readonly form: RegExp }>> = {
  DATE: { oid: 1082, form: /^\d{4}-\d\d-\d\d$/ },
  DECIMAL: { oid: 1700, form: /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/ },
  JSON: { oid: 114, form: /^/ },
  TIME: { oid: 1083, form: /^\d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  TIMESTAMP: { oid: 1114, form: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})?$/ },
  UUID: { oid: 2950, form: /^[0-9a-fA-F-]{32,36}$/ },
}

function bind({ name, value = {}, typeHint }: ApiParameter): { value: string | null; oid: number } {
  if (value.isNull) return { value: null, oid: 0 }
  if (value.booleanValue !== undefined) return { value: String(value.booleanValue), oid: 16 }
  if (value.longValue !== undefined) return { value: String(value.longValue), oid: 20 }
  if (value.doubleValue !== undefined) return { value: String(value.doubleValue), oid: 701 }
  if (value.blobValue !== undefined)
    return { value: `\\x${Buffer.from(value.blobValue, 'base64').toString('hex')}`, oid: 17 }
  if (value.arrayValue !== undefined) throw badRequest('Array parameters are not supported.')
  if (value.stringValue === undefined) throw badRequest(`The parameter ${name} has no value`)
  if (typeHint === undefined) return { value: value.stringValue, oid: 25 }
  const hint = HINTED[typeHint]
  if (!hint) throw badRequest(`Unknown type hint: ${typeHint}`)
  if (!hint.form.test(value.stringValue)) throw badRequest(`The parameter ${name} is no ${typeHint}`)
  return { value: value.stringValue, oid: hint.oid }
}
