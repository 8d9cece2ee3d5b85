import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { ResolvedConfig } from '../config/resolved.ts'
import type { Runtime } from '../local/runtime.ts'
import { parseDuration } from '../primer/duration.ts'
import type { Registry } from '../primer/registry.ts'
import type { Io } from './io.ts'
import { errorJson, errorText } from './report.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly folder: string
  readonly json?: boolean
}

/** The command failed and has said why. */
export class CommandFailed extends Error {}

export function subcommand(program: Command, nameAndArguments: string, description: string): Command {
  return program
    .command(nameAndArguments)
    .description(description)
    .option('--folder <path>', "the project's folder, with kck.config.ts", '.')
    .option('--json', 'print JSON for programs')
}

/** The project's settings. `overrides` are the command line's own, which win over everything else. */
export function settingsOf(
  { folder }: CommonOptions,
  io: Io,
  overrides: Readonly<Record<string, string | undefined>> = {},
): Promise<ResolvedConfig> {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined)
  return loadConfig(resolve(io.folder, folder), { ...io.environment, ...Object.fromEntries(given) })
}

/** Opens the project, for as long as `work` takes. Loaded here: other commands start without the whole system. */
export async function withRuntime<T>(
  options: CommonOptions,
  io: Io,
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const config = await settingsOf(options, io)
  const { createRuntime } = await import('../local/runtime.ts')
  const runtime = await createRuntime(config)
  try {
    return await work(runtime)
  } finally {
    await runtime.close()
  }
}

/** The project's primers and updaters, without opening anything. */
export async function registryOf(config: ResolvedConfig): Promise<Registry> {
  const { loadRegistry } = await import('../local/load-registry.ts')
  return loadRegistry(config)
}

/** Does the same to each key and prints each result; a key that fails does not stop the others, but fails the command. */
export async function forEachKey(
  keys: readonly string[],
  { json }: CommonOptions,
  io: Io,
  work: (key: string) => Promise<{ readonly text: string; readonly json: object }>,
): Promise<void> {
  const results: object[] = []
  let failed = false
  for (const key of keys) {
    try {
      const result = await work(key)
      if (json) results.push(result.json)
      else io.out(result.text)
    } catch (error) {
      failed = true
      if (json) results.push({ key, error: errorJson(error) })
      else io.err(`${key}: ${errorText(error)}`)
    }
  }
  if (json) io.out(JSON.stringify({ results }))
  if (failed) throw new CommandFailed()
}

/** Milliseconds of a duration on the command line. */
export function durationArgument(text: string): number {
  const ms = parseDuration(text)
  if (typeof ms === 'string') throw new InvalidArgumentError(`It ${ms}.`)
  return ms
}

/** For options that can be given several times. */
export const repeated = (value: string, values: readonly string[] = []): readonly string[] => [...values, value]
