import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { KckError } from '../errors.ts'
import type { Environment } from './environment.ts'
import { resolveConfig } from './resolve.ts'
import type { ResolvedConfig } from './resolved.ts'

const fileNames = ['kck.config.ts', 'kck.config.js', 'kck.config.mjs']

/** Absolute; null where a folder has none. */
export function configFile(folder: string): string | null {
  const name = fileNames.find((candidate) => existsSync(join(folder, candidate)))
  return name === undefined ? null : join(folder, name)
}

/** The settings of a project's folder: its `kck.config.ts`, or all defaults where there is none. Throws `INVALID_CONFIG`. */
export async function loadConfig(folder: string, environment: Environment = process.env): Promise<ResolvedConfig> {
  return resolveConfig(await readSettings(folder), { folder, environment })
}

/** What the file itself says, unchecked. */
export async function readSettings(folder: string): Promise<unknown> {
  const file = configFile(folder)
  if (file === null) return {}
  const name = basename(file)
  let module: Readonly<Record<string, unknown>>
  try {
    module = await import(pathToFileURL(file).href)
  } catch (error) {
    throw refused(`${name} cannot be read: ${reason(error)}`, error)
  }
  if (module['default'] !== undefined) return module['default']
  throw refused(`${name} has no default export; write: export default defineConfig({ ... })`)
}

const refused = (message: string, cause?: unknown) => new KckError('INVALID_CONFIG', message, { cause })

/** In words for the file's author; the error itself, which may name other files, stays the cause. */
function reason(error: unknown): string {
  const { code, name, message } = error as { code?: string; name?: string; message?: string }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'Node runs TypeScript by removing its types, so enum, namespace and constructor parameters with public or private do not work; write a plain object or class instead'
  }
  if (code === 'ERR_MODULE_NOT_FOUND')
    return 'it imports a file or package that does not exist; local imports end in .ts'
  if (name === 'SyntaxError' || code === 'ERR_INVALID_TYPESCRIPT_SYNTAX')
    return `it is not valid TypeScript: ${firstLine(message)}`
  return `it threw ${name ?? 'an error'}: ${firstLine(message)}`
}

const firstLine = (message = '') => message.split('\n')[0] ?? ''
