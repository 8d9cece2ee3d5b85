import { loadModule, parseSync, type SqlError, scanSync } from 'libpg-query'

/**
 * PostgreSQL's own parser and scanner, as WebAssembly. Loading takes about 20 ms and is done while this module is
 * imported, so that `primer({ sql })` can be a plain call.
 */
await loadModule()

/** A node of PostgreSQL's parse tree. The tree has hundreds of node types, of which a few are looked at. */
// biome-ignore lint/suspicious/noExplicitAny: see above; every access is guarded by what is looked for.
export type SqlNode = any

export interface SqlToken {
  readonly text: string
  /** Offsets in characters (UTF-16). */
  readonly start: number
  readonly end: number
  readonly kind: 'comment' | 'string' | 'word' | 'number' | 'placeholder' | 'symbol'
}

export interface SqlFault {
  readonly message: string
  /** Offset in characters (UTF-16) where known. */
  readonly offset: number | null
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/

/** The statements of a text as parse trees, or what is wrong with it. */
export function parseTree(text: string): { readonly statements: readonly SqlNode[] } | SqlFault {
  if (text.trim() === '') return { message: 'there is no statement', offset: null }
  // The scanner cannot report them, and none is of use in SQL (a literal may be written E'\\x01').
  const control = text.search(CONTROL)
  if (control >= 0) return { message: 'there is a control character', offset: control }
  try {
    const { stmts } = parseSync(text)
    return { statements: stmts?.map((entry) => entry.stmt) ?? [] }
  } catch (error) {
    const { message, sqlDetails } = error as SqlError
    // The parser counts code points.
    const before = [...text].slice(0, sqlDetails?.cursorPosition ?? 0).join('')
    return { message, offset: sqlDetails === undefined ? null : before.length }
  }
}

/** The tokens of a text, or null when it ends inside one (an open string or comment): `parseTree` says where. */
export function tokens(text: string): readonly SqlToken[] | null {
  const bytes = Buffer.from(text)
  let scanned: ReturnType<typeof scanSync>['tokens']
  try {
    scanned = scanSync(text).tokens
  } catch {
    return null
  }
  // The scanner counts bytes; they are walked along because most texts have many tokens.
  let offset = 0
  let byte = 0
  return scanned.map((token) => {
    offset += bytes.toString('utf8', byte, token.start).length
    const tokenText = bytes.toString('utf8', token.start, token.end)
    byte = token.end
    const start = offset
    offset += tokenText.length
    return { text: tokenText, start, end: offset, kind: kindOf(token.tokenName, tokenText) }
  })
}

function kindOf(name: string, text: string): SqlToken['kind'] {
  if (name === 'SQL_COMMENT' || name === 'C_COMMENT') return 'comment'
  if (/^\$[0-9]/.test(text)) return 'placeholder'
  if (text.startsWith('"') || /^[\p{L}_]/u.test(text)) return /^([bxne]|u&)?'/i.test(text) ? 'string' : 'word'
  if (text.startsWith("'") || (text.startsWith('$') && text.length > 1)) return 'string'
  if (/^\.?[0-9]/.test(text)) return 'number'
  return 'symbol'
}
