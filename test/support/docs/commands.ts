import { type Block, isOutput } from './pages.ts'

export interface ShownCommand {
  readonly program: string
  readonly args: readonly string[]
}

/** The commands of a shell block, those inside `$(...)` too. */
export function commandsIn({ language, text }: Block): readonly ShownCommand[] {
  return shellLines(language === 'console' ? typed(text) : text).flatMap(commandsOfLine)
}

/** What somebody types in a `console` block. */
function typed(text: string): string {
  const lines: string[] = []
  let goesOn = false
  for (const line of text.split('\n')) {
    if (goesOn || line.startsWith('$ ')) lines.push(line.replace(/^\$ /, ''))
    goesOn = (goesOn || line.startsWith('$ ')) && line.endsWith('\\')
  }
  return lines.join('\n')
}

const shellLines = (text: string) => text.replaceAll('\\\n', ' ').split('\n')

const keywords = new Set(['for', 'do', 'done', 'in', 'if', 'then', 'fi', 'while', 'export'])
/** Comments, quoted texts, separators, and words; a word may hold a `$(...)`, which is looked at by itself. */
const token = /\s+#.*$|^#.*$|&&|\|\||[;|&()]|'[^']*'|"(?:[^"\\]|\\.)*"|(?:[^\s;|&()'"]|'[^']*'|"(?:[^"\\]|\\.)*")+/g

function commandsOfLine(line: string): readonly ShownCommand[] {
  const inner: ShownCommand[] = []
  const outer = line.replaceAll(/\$\(([^()]*)\)/g, (_, command: string) => {
    inner.push(...commandsOfLine(command))
    return 'substituted'
  })
  const commands: string[][] = [[]]
  for (const [word] of outer.matchAll(token)) {
    if (/^\s*#/.test(word)) break
    if (/^(&&|\|\||[;|&()])$/.test(word)) commands.push([])
    else commands.at(-1)?.push(unquoted(word))
  }
  return [...inner, ...commands.flatMap(commandOf)]
}

function commandOf(words: readonly string[]): readonly ShownCommand[] {
  const at = words.findIndex((word) => !keywords.has(word) && !/^\w+=/.test(word))
  const [program, ...args] = at === -1 ? [] : words.slice(at)
  // The list of a loop is no command.
  if (program === undefined || words[0] === 'for' || words[0] === 'export') return []
  const redirect = args.findIndex((arg) => /^\d?[<>]/.test(arg))
  const own = redirect === -1 ? args : args.slice(0, redirect)
  if (program !== 'npx') return [{ program, args: own }]
  const [called = '', ...rest] = own[0] === '--package' ? own.slice(2) : own
  return [{ program: called, args: rest }]
}

const unquoted = (word: string) =>
  word.replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"/g, (_, single, double) => single ?? double)

/** The method and the path of a `curl`; null where it asks something else than a KCK. */
export function curlRequest(args: readonly string[]): { readonly method: string; readonly path: string } | null {
  const url = args.find((arg) => /^(https?:\/\/127\.0\.0\.1|\.\.\.\/|\$\{?URL)/.test(arg))
  if (url === undefined) return null
  const path = url.replace(/^(https?:\/\/[^/]+|\.\.\.|\$\{?URL\}?)/, '').replace(/\?.*$/, '')
  const method = args[args.findIndex((arg) => arg === '-X' || arg === '--request') + 1]
  const named = args.includes('-X') || args.includes('--request')
  const sends = args.some((arg) => /^(-d|--data|--json)/.test(arg))
  return { method: named ? (method ?? '') : args.includes('-I') ? 'HEAD' : sends ? 'POST' : 'GET', path }
}

export const isShell = (block: Block) => (block.language === 'sh' || block.language === 'console') && !isOutput(block)
