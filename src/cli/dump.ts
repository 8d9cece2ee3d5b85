import { createReadStream } from 'node:fs'
import { appendFile, truncate, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { DumpPage } from '../operate/contract.ts'
import type { Io } from './io.ts'
import { createProgress, type Progress } from './progress.ts'
import { type SystemOptions, systemCommand, withSystem } from './system/open.ts'
import type { System } from './system/system.ts'

interface DumpOptions extends SystemOptions {
  readonly out?: string
  readonly resume?: boolean
  readonly page: string
}

/** A line of its own after each page: everything before it is in the file, and `after` is where the next page begins. */
interface Cursor {
  readonly cursor: { readonly primer: string; readonly after: string | null }
}

export function addDump(program: Command, io: Io): void {
  systemCommand(program, 'dump [products...]', 'write entries with everything they have, one JSON line each')
    .option('--out <file>', 'write them there; without it, to the output')
    .option('--resume', 'go on where a dump into this file was cut short')
    .option('--page <number>', 'entries read at once', '100')
    .addHelpText('after', '\nExample:\n  kck dump --out entries.ndjson && kck load entries.ndjson --url https://...')
    .action((names: string[], options: DumpOptions) =>
      withSystem(options, io, async (system) => {
        const { from, write } = await openOutput(options, io)
        const progress = createProgress(io, options)
        const dumped = await dump(system, { names, from, limit: Number(options.page), write, progress })
        progress.end()
        const damaged = dumped.damaged === 0 ? '' : `, left out ${dumped.damaged} damaged ones`
        io.err(`Dumped ${dumped.entries} entries${damaged}`)
      }),
    )
}

/** Where the lines go, and after which cursor to go on: what stands behind it in the file is cut off. */
async function openOutput({ out, resume }: DumpOptions, io: Io): Promise<Pick<DumpWork, 'from' | 'write'>> {
  if (out === undefined) {
    if (resume) throw new KckError('BAD_REQUEST', '--resume needs --out: the file that was begun')
    return { from: null, write: async (text) => io.out(text) }
  }
  const file = resolve(io.folder, out)
  const from = resume ? await lastCursor(file) : null
  if (from) await truncate(file, from.bytes)
  else await writeFile(file, '')
  return { from, write: (text) => appendFile(file, `${text}\n`) }
}

interface DumpWork {
  readonly names: readonly string[]
  readonly from: Cursor | null
  readonly limit: number
  readonly write: (text: string) => Promise<void>
  readonly progress: Progress
}

async function dump(system: System, { names, from, limit, write, progress }: DumpWork) {
  const primers = names.length > 0 ? names : [...(await system.products())].sort()
  const first = from === null ? 0 : Math.max(0, primers.indexOf(from.cursor.primer))
  const counts = { entries: 0, damaged: 0 }
  for (const primer of primers.slice(first)) {
    const begun = primer === from?.cursor.primer ? from.cursor.after : undefined
    for await (const page of pagesOf(system, primer, { limit, begun })) {
      const cursor: Cursor = { cursor: { primer, after: page.next ?? null } }
      await write([...page.entries, cursor].map((line) => JSON.stringify(line)).join('\n'))
      counts.entries += page.entries.length
      counts.damaged += page.damaged.length
      progress.at(counts.entries, primer)
    }
  }
  return counts
}

/** `begun`: where to go on; undefined: at the beginning; null: it is done. */
async function* pagesOf(
  { operate }: System,
  primer: string,
  { limit, begun }: { readonly limit: number; readonly begun: string | null | undefined },
): AsyncGenerator<DumpPage> {
  for (let after = begun; after !== null; ) {
    const page: DumpPage = await operate.dump({ primer, limit, ...(after === undefined ? {} : { after }) })
    yield page
    after = page.next ?? null
  }
}

/** The last cursor in the file, and how many bytes the file has up to it. */
async function lastCursor(file: string): Promise<(Cursor & { readonly bytes: number }) | null> {
  let bytes = 0
  let found: (Cursor & { readonly bytes: number }) | null = null
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    bytes += Buffer.byteLength(line) + 1
    if (line.startsWith('{"cursor":')) found = { ...(JSON.parse(line) as Cursor), bytes }
  }
  return found
}
