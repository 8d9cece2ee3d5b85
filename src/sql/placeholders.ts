import { PARAMETER_NAME } from '../key/key.ts'
import type { SqlFault, SqlToken } from './parser.ts'

export interface Placeholder {
  readonly name: string
  /** From the colon to the end of the name, in characters. */
  readonly start: number
  readonly end: number
}

/** Finds every `:name` among the tokens of a statement. */
export function findPlaceholders(
  scanned: readonly SqlToken[],
): { readonly placeholders: readonly Placeholder[] } | SqlFault {
  const relevant = scanned.filter((token) => token.kind !== 'comment')
  const placeholders: Placeholder[] = []
  const brackets: Bracket[] = []
  for (const [index, token] of relevant.entries()) {
    const previous = relevant[index - 1]
    const next = relevant[index + 1]
    trackBracket(brackets, token, previous)
    if (token.kind === 'symbol' && token.text === ':' && isSliceColon(brackets.at(-1), previous, next)) continue
    const found = placeholderAt(token, previous, next)
    if (found === null) continue
    if ('message' in found) return found
    placeholders.push(found)
  }
  return { placeholders }
}

function placeholderAt(
  token: SqlToken,
  previous: SqlToken | undefined,
  next: SqlToken | undefined,
): Placeholder | SqlFault | null {
  const { start } = token
  if (token.kind === 'placeholder') return { message: `${token.text} is not supported: write :name`, offset: start }
  if (token.text !== ':' || token.kind !== 'symbol') return null
  if (next === undefined || next.start !== token.end || !PARAMETER_NAME.test(next.text)) {
    return { message: 'a name must follow the colon: write :name', offset: start }
  }
  // `a:b` would become `a$1`, which is an identifier.
  const glued = previous?.end === start && (previous.kind === 'word' || previous.kind === 'number')
  if (glued) return { message: `put a space before :${next.text}`, offset: start }
  return { name: next.text, start, end: next.end }
}

/** An open bracket: `a[...]` and `(...)[...]` are subscripts, in which `1:n` is a slice; `array[...]` and `(` are not. */
type Bracket = 'subscript' | 'array' | 'parenthesis'

function trackBracket(brackets: Bracket[], token: SqlToken, previous: SqlToken | undefined): void {
  if (token.kind !== 'symbol') return
  if (token.text === '(') brackets.push('parenthesis')
  if (token.text === '[') {
    // Directly inside array[...] another bracket is a nested array, unless it follows a value.
    const list = previous?.text.toLowerCase() === 'array' || !endsOperand(previous)
    brackets.push(list ? 'array' : 'subscript')
  }
  if (token.text === ')' || token.text === ']') brackets.pop()
}

/**
 * In a subscript a colon after a value (`a[1:n]`) or before another colon (`a[: :n]`) is PostgreSQL's. `a[:n]` is read
 * as the parameter: a slice without lower bound can be written `a[1:n]`.
 */
function isSliceColon(
  bracket: Bracket | undefined,
  previous: SqlToken | undefined,
  next: SqlToken | undefined,
): boolean {
  if (bracket !== 'subscript') return false
  return endsOperand(previous) || next?.text === ':' || next?.text === ']'
}

function endsOperand(token: SqlToken | undefined): boolean {
  if (token === undefined) return false
  return token.kind !== 'symbol' || token.text === ')' || token.text === ']'
}
