import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ResolvedSource } from '../config/resolved.ts'
import { KckError } from '../errors.ts'
import type { Source } from '../ports/source.ts'

/** All sources by name. Nothing is asked of a database yet; each client is loaded only when the settings ask for it. */
export async function openSources(
  sources: Readonly<Record<string, ResolvedSource>>,
): Promise<ReadonlyMap<string, Source>> {
  const opened = new Map<string, Source>()
  try {
    for (const [name, source] of Object.entries(sources)) opened.set(name, await openSource(name, source))
  } catch (error) {
    await Promise.all([...opened.values()].map((source) => source.close()))
    throw error
  }
  return opened
}

async function openSource(name: string, source: ResolvedSource): Promise<Source> {
  const { statementTimeoutMs } = source
  switch (source.kind) {
    case 'pglite':
      return openPglite(name, source.path, statementTimeoutMs)
    case 'postgres': {
      const { createPostgresSource } = await import('../adapters/postgres/source.ts')
      const { connectionString, budget } = source
      return createPostgresSource({ name, connectionString, statementTimeoutMs, poolSize: budget.concurrency })
    }
    case 'rds-data': {
      const { createRdsDataSource } = await import('../adapters/rds-data/source.ts')
      const { resourceArn, secretArn, database, region } = source
      return createRdsDataSource({
        name,
        resourceArn,
        secretArn,
        database,
        statementTimeoutMs,
        ...(region === null ? {} : { region }),
      })
    }
  }
}

/**
 * One process can have the embedded database open. The first one does, and serves it to the others of this machine
 * through a socket: the workers of a server, or a command while a server runs.
 */
async function openPglite(name: string, path: string | null, statementTimeoutMs: number): Promise<Source> {
  const { createPgliteClientSource, createPgliteSource, servePglite } = await import('../adapters/pglite/source.ts')
  if (path === null) return createPgliteSource({ name, dataDir: 'memory', statementTimeoutMs })
  const socketPath = socketOf(path)
  let source: Source
  try {
    source = createPgliteSource({ name, dataDir: path, statementTimeoutMs })
  } catch (error) {
    const isOpenElsewhere = error instanceof KckError && error.details['pid'] !== undefined
    if (isOpenElsewhere) return createPgliteClientSource({ name, socketPath, statementTimeoutMs })
    throw error
  }
  const served = await servePglite(source, { socketPath })
  return {
    name,
    query: (statement, values, options) => source.query(statement, values, options),
    transaction: (work, options) => source.transaction(work, options),
    describe: (statement) => source.describe(statement),
    ping: (options) => source.ping(options),
    async close() {
      await served.close()
      await source.close()
    },
  }
}

/** Beside the folder; where that is longer than a socket's name may be (108 bytes, 104 on macOS), among temporary files. */
function socketOf(path: string): string {
  const beside = `${path}.sock`
  if (Buffer.byteLength(beside) < 100) return beside
  return join(tmpdir(), `kck-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`)
}
