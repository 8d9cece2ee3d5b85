import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { KckError } from '../errors.ts'
import type { Updater } from '../updater/definition.ts'
import { updaterFromSql } from '../updater/sql-updater.ts'
import { updaterFromYaml } from '../updater/yaml-updater.ts'
import type { AnyPrimer } from './definition.ts'
import { stampFile } from './revision.ts'
import { fileLabel, primerOfSqlFile, registerSqlImports } from './sql-hooks.ts'
import { primerFromYaml } from './yaml-primer.ts'

export interface Definitions {
  /** In the order of their files. */
  readonly primers: readonly AnyPrimer[]
  readonly updaters: readonly Updater[]
}

export interface LoadOptions {
  /** Where `.sql` and `.yml` updaters are. Default: `updaters` beside the folder, when there is one. */
  readonly updatersFolder?: string
}

/**
 * Everything that is defined in a folder and the folders in it: `.sql`, `.yml` and what `.ts` (`.mts`, `.js`, `.mjs`)
 * files export. Names that begin with `_` or `.`, tests (`*.test.ts`) and declarations (`*.d.ts`, `*.d.sql.ts`) are left
 * out. Throws one `INVALID_DEFINITION` with the faults of all files.
 */
export async function loadDefinitions(folder: string, options: LoadOptions = {}): Promise<Definitions> {
  registerSqlImports()
  const files = await definitionFiles(folder, options)

  const found = new Map<AnyPrimer | Updater, DefinitionFile[]>()
  const faults = new Map<string, unknown>()
  for (const file of files) {
    try {
      for (const definition of await definitionsOf(file)) {
        found.set(definition, [...(found.get(definition) ?? []), file])
      }
    } catch (error) {
      faults.set(faultText(file, error), error)
    }
  }
  if (faults.size > 0) {
    throw new KckError('INVALID_DEFINITION', [...faults.keys()].join('\n'), {
      cause: new AggregateError(faults.values()),
    })
  }
  for (const [definition, sources] of found) await stamp(definition, sources)
  const all = [...found.keys()]
  return {
    primers: all.filter((definition) => definition.kind === 'primer'),
    updaters: all.filter((definition) => definition.kind === 'updater'),
  }
}

export interface DefinitionFile {
  /** Absolute. */
  readonly path: string
  /** What a `.sql` or `.yml` file in its folder defines. */
  readonly kind: 'primer' | 'updater'
}

/** The files that `loadDefinitions` reads, in its order. */
export async function definitionFiles(folder: string, options: LoadOptions = {}): Promise<readonly DefinitionFile[]> {
  const primersFolder = resolve(folder)
  const updatersFolder = resolve(options.updatersFolder ?? join(dirname(primersFolder), 'updaters'))
  const wanted = options.updatersFolder !== undefined || existsSync(updatersFolder)
  return [...(await listFiles(primersFolder, 'primer')), ...(wanted ? await listFiles(updatersFolder, 'updater') : [])]
}

const CODE = /\.[cm]?[jt]s$/
const DEFINITION = /\.(sql|ya?ml|[cm]?[jt]s)$/
const LEFT_OUT = /(^|[\\/])[_.]|(^|[\\/])node_modules[\\/]|\.test\.[cm]?[jt]s$|\.d(\.\w+)?\.[cm]?ts$/

async function listFiles(folder: string, kind: DefinitionFile['kind']): Promise<DefinitionFile[]> {
  if (!existsSync(folder)) {
    throw new KckError('INVALID_DEFINITION', `There is no folder ${fileLabel(folder)} with ${kind}s: create it`)
  }
  const names = await readdir(folder, { recursive: true })
  return names
    .filter((name) => DEFINITION.test(name) && !LEFT_OUT.test(name))
    .sort((a, b) => (a.split(sep).join('/') < b.split(sep).join('/') ? -1 : 1))
    .map((name) => ({ path: join(folder, name), kind }))
}

async function definitionsOf({ path, kind }: DefinitionFile): Promise<readonly (AnyPrimer | Updater)[]> {
  if (CODE.test(path)) return exportsOf(path)
  if (path.endsWith('.sql') && kind === 'primer') return [primerOfSqlFile(path)]
  const text = await readFile(path, 'utf8')
  if (path.endsWith('.sql')) return [updaterFromSql(text, fileLabel(path))]
  return [kind === 'primer' ? primerFromYaml(text, fileLabel(path)) : updaterFromYaml(text, fileLabel(path))]
}

async function exportsOf(path: string): Promise<readonly (AnyPrimer | Updater)[]> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href)
  const names = Object.keys(module).sort()
  const definitions = names.map((name) => module[name]).filter(isDefinition)
  if (definitions.length === 0) {
    throw new KckError('INVALID_DEFINITION', 'exports no primer or updater; a helper begins with _')
  }
  return definitions
}

function isDefinition(value: unknown): value is AnyPrimer | Updater {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  return value.kind === 'primer' || value.kind === 'updater'
}

/** A definition made in code learns its file here. */
async function stamp(definition: AnyPrimer | Updater, sources: readonly DefinitionFile[]): Promise<void> {
  const codes = sources.filter(({ path }) => CODE.test(path))
  const first = codes[0]
  // Others know theirs already; one that a TypeScript file passes on is still the .sql file's.
  if (first === undefined || codes.length < sources.length || definesInFile(definition)) return
  if (definition.kind === 'updater') Object.assign(definition, { file: fileLabel(first.path) })
  else stampFile(definition, fileLabel(first.path), await Promise.all(codes.map(({ path }) => readFile(path, 'utf8'))))
}

function definesInFile({ file }: AnyPrimer | Updater): boolean {
  return file !== null && !CODE.test(file)
}

/** The fault with its file in front, and the line where that is known. */
function faultText({ path }: DefinitionFile, error: unknown): string {
  const label = fileLabel(path)
  const message = error instanceof Error ? error.message : String(error)
  if (!CODE.test(path)) return message.startsWith(label) ? message : `${label}: ${message}`
  // A fault of a .sql file that this one imports names that file itself.
  if (/^\S+\.(sql|ya?ml):/.test(message)) return message
  const line = lineIn(error, path)
  return `${label}${line === null ? '' : `:${line}`}: ${message}`
}

function lineIn(error: unknown, path: string): string | null {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const frame = stack.split('\n').find((line) => line.includes(pathToFileURL(path).href) || line.includes(path))
  return frame?.match(/:(\d+)(:\d+)?\)?$/)?.[1] ?? null
}
