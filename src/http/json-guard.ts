import { KckError } from '../errors.ts'

/** How deep a body may nest; deeper ones are only ever attacks. */
export const maxJsonDepth = 64

const invalid = (message: string) => new KckError('INVALID_BODY', message)

/** Names that mean something to JavaScript objects and nothing to anyone else. */
const forbiddenNames = new Set(['__proto__', 'constructor', 'prototype'])

/** A quote, a bracket, or a whole number. */
const token = /["{}[\]]|-?\d+(\.\d+)?([eE][+-]?\d+)?/g

/**
 * The value of a JSON text that a stranger sent. Throws `INVALID_BODY` for what `JSON.parse` accepts and would lose or
 * twist: duplicate names, integers that a double cannot hold, half surrogate pairs, `__proto__`, and for nesting that is
 * only there to hurt. No error repeats anything of the text, which may hold a password.
 */
export function parseJsonStrictly(text: string): unknown {
  scan(text)
  return parse(text)
}

/** `JSON.parse`, whose own error is dropped because it quotes the text. */
function parse(text: string): unknown {
  const parsed = tryParse(text)
  if (parsed === null) throw invalid('The body is not valid JSON')
  return parsed.value
}

function tryParse(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return null
  }
}

/** One pass over the tokens that matter. It checks no grammar: `JSON.parse` does that afterwards. */
function scan(text: string): void {
  /** The names seen in each open object; null for an open array. */
  const open: (Set<string> | null)[] = []
  token.lastIndex = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [first = ''] = match[0]
    if (first === '"') token.lastIndex = scanString(text, match.index, open.at(-1) ?? null)
    else if ('{[}]'.includes(first)) scanBracket(first, open)
    else checkNumber(match)
  }
}

function scanBracket(bracket: string, open: (Set<string> | null)[]): void {
  if (bracket === '}' || bracket === ']') {
    open.pop()
    return
  }
  open.push(bracket === '{' ? new Set() : null)
  if (open.length > maxJsonDepth) throw invalid(`The body nests deeper than ${maxJsonDepth} levels`)
}

function scanString(text: string, at: number, names: Set<string> | null): number {
  const end = endOfString(text, at)
  const quoted = text.slice(at, end)
  const value = quoted.includes('\\') ? (parse(quoted) as string) : quoted.slice(1, -1)
  if (!value.isWellFormed()) throw invalid('A string of the body is not well-formed Unicode')
  if (names !== null && isName(text, end)) {
    if (forbiddenNames.has(value)) throw invalid('The body has a field with a forbidden name')
    if (names.has(value)) throw invalid('The body has the same field twice')
    names.add(value)
  }
  return end
}

/** The position after the closing quote. By `indexOf`, because a regular expression backtracks through a megabyte. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
  }
  throw invalid('The body is not valid JSON')
}

function isName(text: string, end: number): boolean {
  let at = end
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at += 1
  return text[at] === ':'
}

function checkNumber([digits, fraction, exponent]: RegExpExecArray): void {
  const value = Number(digits)
  const isInteger = fraction === undefined && exponent === undefined
  if (!Number.isFinite(value) || (isInteger && !Number.isSafeInteger(value))) {
    throw invalid('The body has a number that cannot be kept exactly; send it as a string')
  }
}
