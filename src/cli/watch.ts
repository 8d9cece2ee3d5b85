import type { Command } from 'commander'
import { KckError } from '../errors.ts'
import type { Runtime } from '../local/runtime.ts'
import type { Source } from '../ports/source.ts'
import type { WatchStatus } from '../watch/watched.ts'
import type { Io } from './io.ts'
import { CommandFailed, type CommonOptions, repeated, subcommand, withRuntime } from './subcommand.ts'

interface WatchOptions extends CommonOptions {
  readonly source?: string
  readonly column?: readonly string[]
  readonly grant?: string
  readonly notify: boolean
  readonly remove?: boolean
  readonly status?: boolean
}

/** Milliseconds that the last drain before a removal may take. */
const LAST_DRAIN_MS = 60_000

export function addWatch(program: Command, io: Io): void {
  subcommand(program, 'watch [tables...]', 'let the database itself say what changes in tables, whoever writes to them')
    .option('--source <name>', 'the source that they are in (default: the only one)')
    .option('--column <name>', 'write down this column too; repeat it for more', repeated)
    .option('--grant <role>', 'the role that KCK signs in as, where it is not the one that you do')
    .option('--no-notify', 'only write down; KCK looks every second')
    .option('--remove', 'stop watching the tables, and leave nothing behind')
    .option('--status', 'what is watched, and how far the marks are behind')
    .action((tables: readonly string[], options: WatchOptions) =>
      withRuntime(options, io, async (runtime) => {
        const source = sourceOf(runtime, options.source)
        if (options.status) return status(runtime, source, options, io)
        if (tables.length === 0) throw new KckError('BAD_REQUEST', 'Name the tables, or ask for --status')
        return options.remove
          ? remove(runtime, source, { tables, options }, io)
          : install(runtime, source, { tables, options }, io)
      }),
    )
}

interface Asked {
  readonly tables: readonly string[]
  readonly options: WatchOptions
}

async function install(runtime: Runtime, source: Source, { tables, options }: Asked, io: Io): Promise<void> {
  const { watchTables } = await import('../watch/install.ts')
  const { noteWatched } = await import('../watch/watch-job.ts')
  const { columnsOfInterest } = await import('../watch/columns.ts')
  const { kck, store } = runtime
  const known = { registry: kck.registry, lineage: store.lineage }
  const ofTables = await Promise.all(tables.map((table) => columnsOfInterest(known, source.name, table)))
  const watched = await watchTables({ ...runtime, source }, tables, {
    columns: [...(options.column ?? []), ...ofTables.flat()],
    notify: options.notify,
    ...(options.grant === undefined ? {} : { grantTo: options.grant }),
  })
  await noteWatched(runtime, source.name, true)
  if (options.json) return io.out(JSON.stringify({ source: source.name, watched }))
  for (const { table, columns } of watched) io.out(`Watching ${table} by ${columns.join(', ') || 'all of its rows'}`)
  io.out('Whatever was changed before is not known: invalidate what may rest on it.')
}

async function remove(runtime: Runtime, source: Source, { tables, options }: Asked, io: Io): Promise<void> {
  const { removeOutbox, unwatchTables } = await import('../watch/install.ts')
  const { noteWatched } = await import('../watch/watch-job.ts')
  const { drain } = await import('../watch/drain.ts')
  const { hasSchema } = await import('../watch/watched.ts')
  const deps = { ...runtime, source }
  const removed = await unwatchTables(deps, tables)
  if (await hasSchema(source)) await drain({ kck: runtime.kck, source }, AbortSignal.timeout(LAST_DRAIN_MS))
  const last = await removeOutbox(deps)
  if (last) await noteWatched(runtime, source.name, false)
  if (options.json) return io.out(JSON.stringify({ source: source.name, removed, last }))
  for (const table of removed) io.out(`Not watching ${table} any more`)
  if (last) io.out('Nothing is watched now; nothing of KCK is left in the database.')
}

async function status(runtime: Runtime, source: Source, options: WatchOptions, io: Io): Promise<void> {
  const { watchStatus } = await import('../watch/watched.ts')
  const { isWatched } = await import('../watch/watch-job.ts')
  const found = await watchStatus(source)
  const drained = await isWatched(runtime.store, source.name)
  if (options.json) io.out(JSON.stringify({ source: source.name, drained, ...found }))
  else for (const line of linesOf(source.name, { ...found, drained })) io.out(line)
  if (found.tables.length === 0) return
  if (!(drained && found.tables.every(({ enabled }) => enabled))) throw new CommandFailed()
}

function linesOf(source: string, found: WatchStatus & { readonly drained: boolean }): readonly string[] {
  if (found.tables.length === 0) return [`Nothing is watched in ${source}.`]
  const incomplete = '  NOT COMPLETE: triggers are missing or disabled; run kck watch again'
  return [
    ...found.tables.map(({ table, enabled }) => `${table}${enabled ? '' : incomplete}`),
    `${found.waiting} changes wait, the oldest for ${found.lagMs} ms`,
    ...(found.drained ? [] : ['This store does not know of it, so nobody drains: run kck watch again.']),
  ]
}

function sourceOf({ sources }: Runtime, name: string | undefined): Source {
  const only = sources.size === 1 ? [...sources.values()][0] : undefined
  const source = name === undefined ? only : sources.get(name)
  if (source) return source
  throw new KckError('BAD_REQUEST', `Say which with --source: ${[...sources.keys()].join(', ')}`)
}
