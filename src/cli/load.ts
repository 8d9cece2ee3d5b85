import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { Loaded, Operate } from '../operate/contract.ts'
import type { Io } from './io.ts'
import { originalEntries } from './original-dump.ts'
import { createProgress, type Progress } from './progress.ts'
import { CommandFailed } from './subcommand.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

interface LoadOptions extends SystemOptions {
  readonly format: 'ndjson' | 'original'
}

/** Sent at once; under the limit of a request's body. */
const entriesAtOnce = 200
const charactersAtOnce = 500_000
/** Refusals that are shown one by one. */
const shown = 20

export function addLoad(program: Command, io: Io): void {
  const command = systemCommand(
    program,
    'load <file>',
    'put dumped entries back; newer ones stay, so it may be run again',
  )
  command
    .addOption(
      command
        .createOption('--format <which>', "how the file is written; original: the first KCK's dump_data_to_file")
        .choices(['ndjson', 'original'])
        .default('ndjson'),
    )
    .action((file: string, options: LoadOptions) =>
      withSystem(options, io, async ({ operate }) => {
        const path = resolve(io.folder, file)
        const entries = options.format === 'original' ? originalEntries(path) : linesOf(path)
        const counts = await load(operate, entries, io, createProgress(io, options))
        if (options.json) io.out(JSON.stringify(counts))
        else io.err(`Loaded ${counts.loaded} entries, kept ${counts.kept} that are there, refused ${counts.refused}`)
        if (counts.refused > 0) throw new CommandFailed()
      }),
    )
}

async function load(operate: Operate, entries: AsyncIterable<ReadEntry>, io: Io, progress: Progress) {
  const counts = { loaded: 0, kept: 0, refused: 0 }
  for await (const batch of batchesOf(entries)) {
    const results = await operate.load(batch)
    for (const { outcome } of results) counts[outcome] += 1
    const refused = results.filter((result) => result.outcome === 'refused')
    const unsaid = Math.max(0, shown - counts.refused + refused.length)
    for (const result of refused.slice(0, unsaid)) io.err(refusal(result))
    progress.at(counts.loaded + counts.kept + counts.refused, 'entries')
  }
  progress.end()
  return counts
}

function refusal({ key, code, message }: Extract<Loaded, { outcome: 'refused' }>): string {
  return `${key || 'a line without a key'}: ${message} (${code})`
}

/** An entry and about how many characters it takes. */
export interface ReadEntry {
  readonly entry: unknown
  readonly size: number
}

async function* linesOf(path: string): AsyncGenerator<ReadEntry> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  let number = 0
  for await (const line of lines) {
    number += 1
    if (line === '' || line.startsWith('{"cursor":')) continue
    yield { entry: parsed(line, number), size: line.length }
  }
}

function parsed(line: string, number: number): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw notJson(error, number)
  }
}

const notJson = (cause: unknown, line: number) =>
  new KckError('INVALID_BODY', `Line ${line} is not JSON; was the dump cut short? See kck dump --resume`, { cause })

async function* batchesOf(entries: AsyncIterable<ReadEntry>): AsyncGenerator<readonly unknown[]> {
  let batch: unknown[] = []
  let characters = 0
  for await (const { entry, size } of entries) {
    if (batch.length > 0 && (batch.length >= entriesAtOnce || characters + size > charactersAtOnce)) {
      yield batch
      batch = []
      characters = 0
    }
    batch.push(entry)
    characters += size
  }
  if (batch.length > 0) yield batch
}
