import type { SqlFault, SqlToken } from './parser.ts'

const ADVICE = 'values are bound, never written into the text: use :name'
const TEMPLATE = /\{\{\s*[A-Za-z_][\w.]*\s*\}\}|\$\{[^}]*\}/
const PRINTF = /^%(\([A-Za-z_]\w*\))?[sdif]$/

/**
 * Finds what looks like a value that some program is to write into the SQL (`{{id}}`, `${id}`, `%s`, `%(id)s`), which
 * is how SQL injection begins. Such text in a literal is refused too, as that is where it usually stands.
 */
export function interpolationFault(scanned: readonly SqlToken[]): SqlFault | null {
  const relevant = scanned.filter((token) => token.kind !== 'comment')
  for (const [index, token] of relevant.entries()) {
    const found = token.kind === 'string' ? TEMPLATE.exec(token.text) : bareTemplate(relevant, index)
    if (found !== null)
      return { message: `${found[0]} looks like a template: ${ADVICE}`, offset: token.start + found.index }
    const printf = printfAt(relevant, index)
    if (printf !== null) return { message: `${printf} looks like a template: ${ADVICE}`, offset: token.start }
  }
  return null
}

/** `{{id}}` and `${id}` outside of literals: no brace is an operator of SQL. */
function bareTemplate(scanned: readonly SqlToken[], index: number): RegExpExecArray | null {
  if (!/^[{$]/.test(scanned[index]?.text ?? '')) return null
  return /^(\{\{?|\$\{)/.exec(textFrom(scanned, index))
}

/** `%s` and `%(name)s`, bare or as a whole literal that is compared. A `%` between two values is SQL's modulo. */
function printfAt(scanned: readonly SqlToken[], index: number): string | null {
  const token = scanned[index]
  const previous = scanned[index - 1]
  if (token?.kind === 'string') {
    const content = token.text.slice(1, -1)
    return previous?.text === '=' && PRINTF.test(content) ? content : null
  }
  if (token?.text !== '%') return null
  const followsValue = previous !== undefined && (previous.kind !== 'symbol' || /^[)\]]$/.test(previous.text))
  const isKeyword = /^(where|and|or|not|in|like|ilike|between|limit|offset|select|values|when|then|else|by|on)$/i
  if (followsValue && !isKeyword.test(previous.text)) return null
  return /^%(\([A-Za-z_]\w*\))?[sdif]\b/.exec(textFrom(scanned, index))?.[0] ?? null
}

/** The tokens from `index` on that touch each other. */
function textFrom(scanned: readonly SqlToken[], index: number): string {
  let text = scanned[index]?.text ?? ''
  for (let next = index + 1; next < scanned.length && next < index + 6; next++) {
    if (scanned[next]?.start !== scanned[next - 1]?.end) break
    text += scanned[next]?.text
  }
  return text
}
