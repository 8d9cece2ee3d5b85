import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { main } from '../../src/cli/main.ts'
import { methodsOf } from '../../src/http/routes.ts'
import { readSqlFile } from '../../src/primer/header.ts'
import { parseStatement } from '../../src/sql/parse.ts'
import { commandsIn, curlRequest, isShell, type ShownCommand } from '../support/docs/commands.ts'
import { type Block, blocksOf, isOutput, pageNames, placeOf, readPage, root } from '../support/docs/pages.ts'

const blocks = pageNames.flatMap(blocksOf)
const ofLanguage = (language: string) =>
  blocks
    .filter((block) => block.language === language && !isOutput(block))
    .map((block) => [placeOf(block), block] as const)

it('every block says what it is', () => {
  const known = new Set(['sh', 'console', 'ts', 'sql', 'yaml', 'json', 'mermaid', 'text'])
  expect(blocks.filter(({ language }) => !known.has(language)).map(placeOf)).toEqual([])
  const words = /^(check|part|output|file=[\w./-]+)$/
  expect(blocks.filter((block) => !block.words.every((word) => words.test(word))).map(placeOf)).toEqual([])
})

describe('sql', () => {
  it.each(ofLanguage('sql'))('%s', (_, { text, file }) => {
    const isDefinition = text.includes('-- kck')
    const { sections } = readSqlFile(text, file ?? 'block.sql', ['insert', 'update'])
    // What has no header is SQL for a database: any number of statements, some of which may be only a comment.
    const statements = isDefinition ? [...sections.values()].map((section) => section.text) : text.split(/;\s*$/m)
    const isEmpty = (sql: string) => sql.replaceAll(/--.*$/gm, '').trim() === ''
    for (const statement of statements.filter((one) => !isEmpty(one))) parseStatement(statement)
    expect(statements.join('').trim()).not.toBe('')
  })
})

it.each(ofLanguage('json'))('json %s', (_, { text }) => expect(() => JSON.parse(text)).not.toThrow())
it.each(ofLanguage('yaml'))('yaml %s', (_, { text }) => expect(parseYaml(text)).toBeTypeOf('object'))

describe('mermaid', () => {
  it.each(ofLanguage('mermaid'))('%s', (_, { text }) => {
    const [kind = '', ...lines] = text.trim().split('\n')
    expect(kind).toMatch(/^(flowchart (LR|TD)|sequenceDiagram|stateDiagram-v2)$/)
    const shape = kind.startsWith('flowchart') ? flowchartLine : kind === 'sequenceDiagram' ? sequenceLine : stateLine
    expect(lines.filter((line) => !shape.test(line.trim()))).toEqual([])
  })
})

const box = String.raw`\w+(\["[^"]+"\]|\("[^"]+"\)|\[\("[^"]+"\)\]|\{"[^"]+"\}|\(\["[^"]+"\]\))?`
const flowchartLine = new RegExp(String.raw`^(${box}( (-->|-\.->)(\|"[^"]+"\|)? ${box})*|subgraph \w+\["[^"]+"\]|end)$`)
const sequenceLine =
  /^(participant \w+ as .+|\w+(->>|-->>)\w+: .+|Note (over|right of|left of) [\w,]+: .+|alt .+|else .+|opt .+|par .+|and .+|loop .+|end)$/
const stateLine = /^(\[\*\]|\w+) --> (\[\*\]|\w+)(: .+)?$/

describe('commands', () => {
  it.each(blocks.filter(isShell).map((block) => [placeOf(block), block] as const))('%s', async (_, block) => {
    const wrong: string[] = []
    for (const command of commandsIn(block)) {
      const problem = await problemWith(command, block)
      if (problem !== null) wrong.push(`${command.program} ${command.args.join(' ')}: ${problem}`)
    }
    expect(wrong).toEqual([])
  })
})

/** Programs of the system that need no look. */
const everyday =
  /^(aws|cd|cat|docker|echo|git|grep|head|jq|kill|ls|mkdir|printf|psql|rm|sed|sleep|source|test|true|wc)$/

async function problemWith({ program, args }: ShownCommand, block: Block): Promise<string | null> {
  if (program === 'kck') return await problemWithKck(args)
  if (program === 'npm') return problemWithNpm(args, block)
  if (program === 'cdk') return problemWithCdk(args)
  if (program === 'node') return fileArgument(args)
  if (program === 'curl') {
    const asked = curlRequest(args)
    if (asked === null) return null
    return methodsOf(asked.path)?.includes(asked.method) ? null : `there is no ${asked.method} ${asked.path}`
  }
  return everyday.test(program) ? null : 'is no program that the documentation may use'
}

async function helpOf(command: readonly string[]): Promise<string | null> {
  const lines: string[] = []
  const io = {
    out: (text: string) => lines.push(text),
    err: () => undefined,
    stdin: async () => '',
    folder: root,
    environment: {},
  }
  const code = await main([...command, '--help'], io as never)
  return code === 0 ? lines.join('\n') : null
}

async function problemWithKck(args: readonly string[]): Promise<string | null> {
  const at = args.findIndex((arg) => arg.startsWith('-'))
  const [name = '', second = ''] = at === -1 ? args : args.slice(0, at)
  if (name === '') return null
  const own = await helpOf([name])
  // Commander shows the program's help for a name that it does not know.
  if (own === null || !own.startsWith(`Usage: kck ${name}`)) return `there is no command ${name}`
  const nested = new RegExp(`^ {2}${second} `, 'm').test(own) && second !== '' ? await helpOf([name, second]) : null
  const help = `${own}\n${nested ?? ''}`
  const unknown = args.filter((arg) => /^--?[a-z]/.test(arg)).find((arg) => !hasOption(help, arg.replace(/=.*/, '')))
  return unknown === undefined ? null : `${name} has no option ${unknown}`
}

const hasOption = (help: string, option: string) => new RegExp(String.raw`(^|[\s,])${option}([\s,]|$)`, 'm').test(help)

function problemWithNpm(args: readonly string[], { page }: Block): string | null {
  const manifest = join(root, page.startsWith('templates/') ? dirname(page) : '.', 'package.json')
  const shop = join(root, 'templates/shop/package.json')
  const scripts = [manifest, shop].flatMap((file) => Object.keys(JSON.parse(readFileSync(file, 'utf8')).scripts))
  const [verb = '', name = ''] = args
  if (verb === 'run') return scripts.includes(name) ? null : `there is no script ${name}`
  if (verb === 'start' || verb === 'test') return scripts.includes(verb) ? null : `there is no script ${verb}`
  if (verb === 'exec') return fileArgument(args.slice(args.indexOf('node') + 1))
  return /^(ci|init|install|pkg|pack)$/.test(verb) ? null : `npm ${verb} is not known to this test`
}

let cdkHelp: string | undefined
function problemWithCdk([command = '', ...args]: readonly string[]): string | null {
  const bin = join(root, 'node_modules/.bin/cdk')
  cdkHelp ??= execFileSync(bin, ['--help'], {
    encoding: 'utf8',
    env: { ...process.env, CDK_DISABLE_VERSION_CHECK: '1' },
  })
  if (!new RegExp(String.raw`\bcdk ${command}\b`).test(cdkHelp)) return `cdk has no command ${command}`
  const common = /^--(all|quiet|profile|context|outputs-file|require-approval|exclusively|force)$/
  const unknown = args.find((arg) => arg.startsWith('--') && !common.test(arg.replace(/=.*/, '')))
  return unknown === undefined ? null : `${unknown} is not known to this test`
}

function fileArgument(args: readonly string[]): string | null {
  const file = args.find((arg) => /\.(ts|js|mjs)$/.test(arg))
  return file === undefined || existsSync(join(root, file)) ? null : `there is no ${file}`
}

describe('links', () => {
  it.each(pageNames)('%s', (page) => {
    const text = readPage(page).replaceAll(/```[\s\S]*?```/g, '')
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const broken = links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link))
    expect(broken).toEqual([])
  })
})

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, target))) return false
  if (anchor === undefined) return true
  const headings = readPage(target).matchAll(/^#+ (.+)$/gm)
  return [...headings].some(([, heading = '']) => slug(heading) === anchor)
}

/** As GitHub names a heading. */
const slug = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

it('every page is in the index', () => {
  const index = readPage('docs/README.md')
  const missing = pageNames.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md')
  expect(missing.filter((page) => !index.includes(`(${page.slice('docs/'.length)})`))).toEqual([])
})

describe('references are complete', () => {
  const source = (path: string) => readFileSync(join(root, path), 'utf8')
  const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)

  it.each([
    ['docs/http.md', 'routes', () => all(source('src/http/routes.ts'), /path: '(\/[^']+?)\/?'/g)],
    ['docs/http.md', 'error codes', () => all(source('src/errors.ts'), /^ {2}\| '([A-Z_]+)'/gm)],
    ['docs/cli.md', 'commands', () => all(source('src/cli/main.ts'), /from '\.\/(\w+)\.ts'/g).filter(isCommand)],
    ['docs/cli.md', 'reasons', () => all(source('src/operate/explanation.ts'), /^ {4}\| '([\w-]+)'$/gm)],
  ] as [string, string, () => string[]][])('%s: %s', (page, _, names) => {
    const wanted = names()
    expect(wanted.length).toBeGreaterThan(10)
    const text = readPage(page)
    expect(wanted.filter((name) => !text.includes(name))).toEqual([])
  })

  const isCommand = (file: string) => !/^(io|report|subcommand)$/.test(file)
})
