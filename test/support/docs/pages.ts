import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Every page whose blocks are tested, relative to the repository. */
export const pageNames: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'templates/shop/README.md',
].concat(globSync('docs/*.md', { cwd: root }).sort())

/**
 * A code block. Its first word is the language, which says what is done with it unless another word says otherwise:
 *
 * - `sh`: run, in the order of the page, in a project that `kck init` made. A line that starts a server starts it for the
 *   rest of the page. `sh check`: its commands and their options exist.
 * - `console`: what follows `$ ` is checked like `sh check`.
 * - `ts`, `sql`, `yaml`, `json`, `mermaid`: compiled or parsed. `ts part`: options of a primer. `file=<path>`: also
 *   written into the page's project, where the commands after it find it.
 * - `json output`, `text output`: what the last run block printed; `...` stands for anything.
 * - `text`: no code.
 */
export interface Block {
  readonly page: string
  /** Of the opening fence. */
  readonly line: number
  readonly language: string
  readonly words: readonly string[]
  readonly file: string | null
  readonly text: string
}

export const readPage = (page: string) => readFileSync(join(root, page), 'utf8')

export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = []
  let open: { readonly line: number; readonly info: string; readonly lines: string[] } | null = null
  for (const [at, text] of readPage(page).split('\n').entries()) {
    const fence = /^\s*```(.*)$/.exec(text)
    if (open === null && fence !== null) open = { line: at + 1, info: fence[1] ?? '', lines: [] }
    else if (open !== null && fence !== null) {
      blocks.push(blockOf(page, open))
      open = null
    } else open?.lines.push(text)
  }
  return blocks
}

function blockOf(
  page: string,
  given: { readonly line: number; readonly info: string; readonly lines: readonly string[] },
): Block {
  const [language = '', ...words] = given.info.trim().split(/\s+/)
  const file = words.find((word) => word.startsWith('file='))?.slice('file='.length) ?? null
  return { page, line: given.line, language, words, file, text: `${given.lines.join('\n')}\n` }
}

/** For a test's title and for messages. */
export const placeOf = ({ page, line }: Block) => `${page}:${line}`

export const isRun = ({ language, words }: Block) => language === 'sh' && !words.includes('check')
export const isOutput = ({ words }: Block) => words.includes('output')
