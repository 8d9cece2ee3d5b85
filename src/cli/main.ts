import { Command, CommanderError } from 'commander'
import { addBench } from './bench.ts'
import { addCheck } from './check.ts'
import { addClient } from './client.ts'
import { addCompletion } from './completion.ts'
import { addDev } from './dev.ts'
import { addDoctor } from './doctor.ts'
import { addDump } from './dump.ts'
import { addExplain } from './explain.ts'
import { addFetch } from './fetch.ts'
import { addGraph } from './graph.ts'
import { addInit } from './init.ts'
import { addInvalidate } from './invalidate.ts'
import { type Io, processIo } from './io.ts'
import { addKeys } from './keys.ts'
import { addLoad } from './load.ts'
import { addOpenApi } from './openapi.ts'
import { addPurge } from './purge.ts'
import { addQueue } from './queue.ts'
import { addRefresh } from './refresh.ts'
import { errorJson, errorText } from './report.ts'
import { addSchema } from './schema.ts'
import { addServe } from './serve.ts'
import { CommandFailed } from './subcommand.ts'
import { addToken } from './token.ts'
import { addTypes } from './types.ts'
import { addUpdate } from './update.ts'
import { addWatch } from './watch.ts'
import { addWorker } from './worker.ts'
import { addWrites } from './writes.ts'

const exitCodes = { ok: 0, failed: 1, usage: 2 } as const

/** Runs one command. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function main(args: readonly string[], io: Io = processIo): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    // Commander has printed its own errors, and help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    if (error instanceof CommandFailed) return exitCodes.failed
    io.err(args.includes('--json') ? JSON.stringify({ error: errorJson(error) }) : errorText(error))
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
  const commands = [
    addInit,
    addDev,
    addServe,
    addWorker,
    addFetch,
    addUpdate,
    addWrites,
    addRefresh,
    addInvalidate,
    addPurge,
  ]
  const operating = [addExplain, addKeys, addGraph, addQueue, addDump, addLoad]
  const tools = [
    addDoctor,
    addCheck,
    addSchema,
    addTypes,
    addOpenApi,
    addClient,
    addToken,
    addBench,
    addCompletion,
    addWatch,
  ]
  for (const add of [...commands, ...operating, ...tools]) add(program, io)
  return program
}
