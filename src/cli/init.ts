import { readdir, readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { Io } from './io.ts'
import { copyTemplate } from './template.ts'

interface InitOptions {
  readonly yes?: boolean
  readonly json?: boolean
  readonly name?: string
  readonly infra: boolean
}

/** The part of the template that is left out with --no-infra. */
const infraFiles = /^(infra\/|cdk\.json$)/
const packageRoot = fileURLToPath(new URL('../../', import.meta.url))

export function addInit(program: Command, io: Io): void {
  program
    .command('init [folder]')
    .description('begin a project: primers, an updater, an embedded database, and its deployment')
    .option('--name <name>', "the project's name; default: the folder's")
    .option('--no-infra', 'without the files for AWS')
    .option('-y, --yes', 'ask nothing')
    .option('--json', 'print JSON for programs')
    .action(async (given: string | undefined, options: InitOptions) => {
      const folder = resolve(io.folder, given ?? '.')
      await checkEmpty(folder)
      const answers = await ask(folder, options)
      const files = await copyTemplate(resolve(packageRoot, 'templates/shop'), folder, {
        values: { NAME: answers.name, KCK: await versionOfThis() },
        leaveOut: answers.infra ? null : infraFiles,
      })
      if (options.json) return io.out(JSON.stringify({ folder, files }))
      const steps = [...(given === undefined ? [] : [`cd ${given}`]), 'npm install', 'npm run types', 'npm run dev']
      io.out([`Wrote ${files.length} files.`, '', 'Next:', ...steps.map((step) => `  ${step}`)].join('\n'))
    })
}

/** What a new Git repository and an editor may have left there is no reason to refuse. */
const harmless = /^(\.git|\.gitignore|\.idea|\.vscode|\.DS_Store|README\.md|LICENSE)$/

async function checkEmpty(folder: string): Promise<void> {
  const found = (await readdir(folder).catch(() => [])).filter((name) => !harmless.test(name))
  if (found.length === 0) return
  throw new KckError(
    'BAD_REQUEST',
    `The folder is not empty: it has ${found.slice(0, 3).join(', ')}. Name a new one: kck init shop`,
  )
}

async function ask(folder: string, options: InitOptions): Promise<{ readonly name: string; readonly infra: boolean }> {
  const proposed = options.name ?? nameFrom(folder)
  if (options.yes || options.json || !process.stdin.isTTY) return { name: checkedName(proposed), infra: options.infra }
  const { confirm, isCancel, text } = await import('@clack/prompts')
  const name = await text({ message: 'Name of the project', initialValue: proposed, validate: problemWith })
  if (isCancel(name)) throw new KckError('BAD_REQUEST', 'Nothing was written')
  const infra = options.infra && (await confirm({ message: 'With the files for AWS (CDK)?' }))
  if (isCancel(infra)) throw new KckError('BAD_REQUEST', 'Nothing was written')
  return { name, infra }
}

/** As a name of a package and of a deployment: the stricter of the two. */
const namePattern = /^[a-z][a-z0-9-]{1,29}$/

function nameFrom(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 30)
  return namePattern.test(name) ? name : 'shop'
}

const problemWith = (name: string | undefined) =>
  namePattern.test(name ?? '') ? undefined : '2 to 30 of a-z, 0-9 and -, a letter first'

function checkedName(name: string): string {
  const problem = problemWith(name)
  if (problem === undefined) return name
  throw new KckError('BAD_REQUEST', `--name ${name}: ${problem}`)
}

async function versionOfThis(): Promise<string> {
  return JSON.parse(await readFile(resolve(packageRoot, 'package.json'), 'utf8')).version
}
