import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Cleanup } from './cleanup.ts'
import { type Database, startDatabase } from './services.ts'

/** A PostgreSQL server of one core and few connections, that tells what it has done. */
export interface SmallDatabase extends Database {
  /** Whether it could be bound to one core: that takes `taskset`. */
  readonly isBound: boolean
  /** So far. */
  work(): Promise<{ readonly queries: number; readonly cpuMs: number }>
}

const run = promisify(execFile)

export async function startSmallDatabase(cleanup: Cleanup, maxConnections: number): Promise<SmallDatabase> {
  let pid = 0
  const database = await startDatabase(cleanup, {
    settings: [`max_connections=${maxConnections}`],
    onStart: (started) => {
      pid = started
    },
  })
  // What it starts from now on inherits it.
  const isBound = await run('taskset', ['-acp', '0', String(pid)]).then(
    () => true,
    () => false,
  )
  for (const child of childrenOf(pid)) await run('taskset', ['-acp', '0', String(child)]).catch(() => undefined)
  return {
    ...database,
    isBound,
    async work() {
      const [row] = await database.query(
        `select coalesce(sum(calls), 0)::int as calls from pg_stat_statements s join pg_database d on d.oid = s.dbid
         where d.datname = current_database() and query not ilike '%pg_stat%'`,
      )
      return { queries: Number(row?.['calls']), cpuMs: cpuMsOf(pid) }
    },
  }
}

/** Of the server with all its processes, living or ended. */
function cpuMsOf(pid: number): number {
  const ticks = childrenOf(pid).reduce((sum, child) => sum + ticksOf(child, 4), ticksOf(pid, 4))
  return ticks * 10
}

/** Fields 14 to 17 of `/proc/<pid>/stat`, in hundredths of a second: its own, and those of children that ended. */
function ticksOf(pid: number, fields: number): number {
  try {
    const all = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return all.slice(11, 11 + fields).reduce((sum, field) => sum + Number(field), 0)
  } catch {
    return 0
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const parent = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]
      return Number(parent) === pid ? [Number(name)] : []
    } catch {
      return []
    }
  })
}
