import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { Io } from './io.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'

export function addUpdate(program: Command, io: Io): void {
  systemCommand(program, 'update <updater> <body>', 'write through an updater')
    .addHelpText(
      'after',
      `
<updater> is its name, with the key of the row where it has one. <body> is JSON; - reads it from the input, @file
from a file.

Examples:
  kck update package_version/curl '{"version": "8.0", "installed_kib": 500, "size_bytes": 300000}'
  kck update package_version/curl @curl.json`,
    )
    .action(async (updater: string, body: string, options: SystemOptions) => {
      const value = parseBody(await readBody(body, io))
      const updated = await withSystem(options, io, (system) => system.update(updater, value))
      if (options.json) return io.out(JSON.stringify(updated))
      if ('id' in updated) return io.out(`Accepted as ${updated.id}; it is applied by whoever serves or works`)
      const { mode, rowCount, rows, changed, changedCount } = updated
      io.err(
        `${mode === 'insert' ? 'Inserted' : 'Updated'} ${rowCount} row(s), ${changedCount} product(s) are stale now`,
      )
      for (const key of changed) io.err(`  ${key}`)
      if (rows.length > 0) io.out(JSON.stringify(rows, null, 2))
    })
}

async function readBody(body: string, io: Io): Promise<string> {
  if (body === '-') return io.stdin()
  return body.startsWith('@') ? readFile(resolve(io.folder, body.slice(1)), 'utf8') : body
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw notJson(error)
  }
}

const notJson = (cause: unknown) =>
  new KckError('INVALID_BODY', 'The body is not JSON; in a shell put it into single quotes', { cause })
