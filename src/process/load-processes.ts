import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { KckError } from '../errors.ts'
import { fileLabel, registerSqlImports } from '../primer/sql-hooks.ts'
import type { Process } from './define-process.ts'

const CODE = /\.[cm]?[jt]s$/
const LEFT_OUT = /(^|[\\/])[_.]|(^|[\\/])node_modules[\\/]|\.test\.[cm]?[jt]s$|\.d(\.\w+)?\.[cm]?ts$/

/**
 * Every process that a file of the folder, or of a folder in it, exports. Names that begin with `_` or `.`, tests and
 * declarations are left out. No folder: no processes. Throws one `INVALID_DEFINITION` with the faults of all files.
 */
export async function loadProcesses(folder: string): Promise<readonly Process[]> {
  const files = await processFiles(folder)
  registerSqlImports()
  const found = new Map<string, Process>()
  const faults: { readonly text: string; readonly cause: unknown }[] = []
  for (const path of files) {
    try {
      for (const process of await processesOf(path)) add(found, { ...process, file: fileLabel(path) })
    } catch (cause) {
      faults.push({ text: `${fileLabel(path)}: ${cause instanceof Error ? cause.message : String(cause)}`, cause })
    }
  }
  if (faults.length === 0) return [...found.values()]
  throw new KckError('INVALID_DEFINITION', faults.map(({ text }) => text).join('\n'), {
    cause: new AggregateError(faults.map(({ cause }) => cause)),
  })
}

/** The files that `loadProcesses` reads, absolute, in its order. */
export async function processFiles(folder: string): Promise<readonly string[]> {
  const root = resolve(folder)
  if (!existsSync(root)) return []
  const names = (await readdir(root, { recursive: true })).filter((name) => CODE.test(name) && !LEFT_OUT.test(name))
  return names.sort().map((name) => join(root, name))
}

function add(found: Map<string, Process>, process: Process): void {
  const other = found.get(process.name)
  if (other) throw new KckError('INVALID_DEFINITION', `process "${process.name}" is in ${other.file} already`)
  found.set(process.name, process)
}

async function processesOf(path: string): Promise<readonly Process[]> {
  const module: Readonly<Record<string, unknown>> = await import(pathToFileURL(path).href)
  const processes = [...new Set(Object.values(module).filter(isProcess))]
  if (processes.length > 0) return processes
  throw new KckError('INVALID_DEFINITION', 'exports no process; a helper begins with _')
}

function isProcess(value: unknown): value is Process {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'process'
}
