import { Command, CommanderError } from 'commander'
import { KckError } from '../errors.ts'
import { addCheck } from './check.ts'
import { addFetch } from './fetch.ts'
import { addInvalidate } from './invalidate.ts'
import { type Io, processIo } from './io.ts'
import { addOpenApi } from './openapi.ts'
import { addPurge } from './purge.ts'
import { addRefresh } from './refresh.ts'
import { addSchema } from './schema.ts'
import { addServe } from './serve.ts'
import { CommandFailed } from './subcommand.ts'
import { addToken } from './token.ts'
import { addUpdate } from './update.ts'

const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

/** Runs one command. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function main(args: readonly string[], io: Io = processIo): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    // Commander has printed its own errors, and help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (!(error instanceof CommandFailed)) report(error, args.includes('--json'), io)
    return exitCodes.failed
  }
}

function createProgram(io: Io): Command {
  const program = new Command('kck')
    .description('Data products, computed once, kept fresh and served.')
    .helpCommand(false)
    .showHelpAfterError('Add --help to see what there is.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) })
    .addHelpText('after', '\nExit codes: 0 done, 1 failed, 2 the command was not understood.')
  const commands = [addServe, addFetch, addUpdate, addRefresh, addInvalidate, addPurge]
  const tools = [addCheck, addSchema, addOpenApi, addToken]
  for (const add of [...commands, ...tools]) add(program, io)
  return program
}

/** What a caller may see, and the cause, which only the operator sees: whoever types a command is one. */
function report(error: unknown, json: boolean, io: Io): void {
  const known = error instanceof KckError
  const code = known ? error.code : 'INTERNAL'
  const { message, cause, stack } = error instanceof Error ? error : new Error(String(error))
  if (json) io.err(JSON.stringify({ error: { code, message, ...(known ? { details: error.details } : {}) } }))
  else io.err(known ? `${message} (${code})${because(cause)}` : `${stack}`)
}

function because(cause: unknown): string {
  return cause instanceof Error ? `\n  because: ${cause.message}${because(cause.cause)}` : ''
}
