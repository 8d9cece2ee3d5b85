import { LRUCache } from 'lru-cache'
import { KckError } from '../errors.ts'
import { didYouMean } from '../text/nearest.ts'
import { interpolationFault } from './interpolation.ts'
import { parseTree, type SqlFault, type SqlToken, tokens } from './parser.ts'
import { findPlaceholders, type Placeholder } from './placeholders.ts'
import type { SqlParameterType, SqlStatement } from './statement.ts'

export interface ParseOptions {
  /** Types by parameter name; those the statement does not use are left out of it. */
  readonly types?: Readonly<Record<string, SqlParameterType>>
  /** The names that may stand behind `:`. Default: any. */
  readonly known?: readonly string[]
  /** For messages: the file, and the line of it that `text` begins on. */
  readonly file?: string | null
  readonly line?: number
}

/**
 * Exactly one SQL statement with `:name` parameters. Names in strings, comments, casts and array slices are left alone.
 * Comments are dropped (except hints, `/*+`), so that no driver has to understand them.
 *
 * Throws `INVALID_DEFINITION` with line, column and the line itself: the message is for the statement's author.
 */
export function parseStatement(text: string, options: ParseOptions = {}): SqlStatement {
  const fail = (fault: SqlFault): never => {
    throw new KckError('INVALID_DEFINITION', describeFault(text, fault, options))
  }
  const scanned = tokens(text)
  // The parser says where a string or comment is left open; so it is asked when the scanner gives up.
  if (scanned === null) return fail(faultOf(text))
  const interpolation = interpolationFault(scanned)
  if (interpolation !== null) return fail(interpolation)
  const found = findPlaceholders(scanned)
  if ('message' in found) return fail(found)
  for (const { name, start } of found.placeholders) {
    if (options.known === undefined || options.known.includes(name)) continue
    fail({ message: `:${name} is no parameter${didYouMean(name, options.known)}`, offset: start })
  }

  const rewritten = rewrite(text, scanned, found.placeholders)
  const tree = parseTree(rewritten.positional)
  if ('message' in tree) {
    return fail({ ...tree, offset: tree.offset === null ? null : rewritten.originalOffset(tree.offset) })
  }
  if (tree.statements.length !== 1) {
    return fail({ message: `one statement expected, found ${tree.statements.length}`, offset: null })
  }
  const { names, positional, named } = rewritten
  const types = Object.fromEntries(
    names.flatMap((name) => {
      const type = options.types?.[name]
      return type === undefined ? [] : [[name, type] as const]
    }),
  )
  return { text: named.trim(), positional: positional.trim(), names, types }
}

const parsed = new LRUCache<string, SqlStatement>({ max: 1000 })

/** `parseStatement(text)`, remembered: for statements that a compute runs again and again. */
export function statementOf(text: string): SqlStatement {
  const known = parsed.get(text)
  if (known !== undefined) return known
  const statement = parseStatement(text)
  parsed.set(text, statement)
  return statement
}

/**
 * The statement without what does not decide its result (comments, spacing): for the hash of a definition. PostgreSQL's
 * own fingerprint would not do, as it takes statements that differ in a constant for equal.
 */
export function canonicalSql(statement: SqlStatement): string {
  return (tokens(statement.text) ?? []).map((token) => token.text).join(' ')
}

function faultOf(text: string): SqlFault {
  const tree = parseTree(text)
  return 'message' in tree ? tree : { message: 'cannot be read', offset: null }
}

interface Rewritten {
  readonly positional: string
  readonly named: string
  readonly names: readonly string[]
  /** Where an offset of `positional` was in the original text. */
  originalOffset(offset: number): number
}

/** Puts `$n` for `:name` and a space for comments, and drops the semicolon at the end. */
function rewrite(text: string, scanned: readonly SqlToken[], placeholders: readonly Placeholder[]): Rewritten {
  const numbers = new Map<string, number>()
  for (const { name } of placeholders) if (!numbers.has(name)) numbers.set(name, numbers.size + 1)

  const comments = scanned.filter((token) => token.kind === 'comment' && !token.text.startsWith('/*+'))
  const last = scanned.findLast((token) => token.kind !== 'comment')
  const edits = [
    ...placeholders.map(({ name, start, end }) => ({
      start,
      end,
      positional: `$${numbers.get(name)}`,
      named: `:${name}`,
    })),
    ...comments.map(({ start, end }) => ({ start, end, positional: ' ', named: ' ' })),
    ...(last?.text === ';' ? [{ start: last.start, end: last.end, positional: '', named: '' }] : []),
  ].sort((a, b) => a.start - b.start)

  let positional = ''
  let named = ''
  let copied = 0
  const shifts: { readonly from: number; readonly by: number }[] = []
  for (const edit of edits) {
    const kept = text.slice(copied, edit.start)
    positional += kept + edit.positional
    named += kept + edit.named
    copied = edit.end
    shifts.push({ from: positional.length, by: edit.end - positional.length })
  }
  const rest = text.slice(copied)
  return {
    positional: positional + rest,
    named: named + rest,
    names: [...numbers.keys()],
    originalOffset: (offset) => offset + (shifts.findLast((shift) => shift.from <= offset)?.by ?? 0),
  }
}

/** `file:3:14: message`, the line, and a caret below the place. */
function describeFault(text: string, fault: SqlFault, options: ParseOptions): string {
  const file = options.file ?? 'SQL'
  const firstLine = options.line ?? 1
  if (fault.offset === null) return `${file}:${firstLine}: ${fault.message}`
  const before = text.slice(0, fault.offset)
  const lineStart = before.lastIndexOf('\n') + 1
  const line = text.slice(lineStart).split(/\r?\n/, 1)[0] ?? ''
  const column = fault.offset - lineStart
  const number = firstLine + before.split('\n').length - 1
  // Tabs stay tabs below the line, so that the caret stands under its character.
  const indent = line.slice(0, column).replace(/[^\t]/g, ' ')
  return `${file}:${number}:${column + 1}: ${fault.message}\n  ${line}\n  ${indent}^`
}
