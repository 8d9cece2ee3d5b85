import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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
      return lazily(name, () => openPglite(name, source))
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
 * One process can have the embedded database open. The first one that uses it does, and serves it to the others of this
 * machine through a socket: the workers of a server, or a command while a server runs.
 */
async function openPglite(
  name: string,
  { path, init, statementTimeoutMs }: Extract<ResolvedSource, { kind: 'pglite' }>,
): Promise<Source> {
  const { createPgliteClientSource, createPgliteSource, servePglite } = await import('../adapters/pglite/source.ts')
  const begin = init === null ? {} : { initSql: await readInit(name, init) }
  if (path === null) return createPgliteSource({ name, dataDir: 'memory', statementTimeoutMs, ...begin })
  const socketPath = socketOf(path)
  let source: Source
  try {
    source = createPgliteSource({ name, dataDir: path, statementTimeoutMs, ...begin })
  } catch (error) {
    const isOpenElsewhere = error instanceof KckError && error.details['pid'] !== undefined
    if (isOpenElsewhere) return createPgliteClientSource({ name, socketPath, statementTimeoutMs })
    throw error
  }
  const served = await servePglite(source, { socketPath })
  return closingAlso(source, served)
}

async function readInit(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw noInit(name, file, error)
  }
}

const noInit = (name: string, file: string, cause: unknown) =>
  new KckError('INVALID_CONFIG', `sources.${name}.init: there is no file ${basename(file)}`, { cause })

const closingAlso = (source: Source, other: { close(): Promise<void> }): Source => ({
  name: source.name,
  query: (...call) => source.query(...call),
  transaction: (...call) => source.transaction(...call),
  describe: (...call) => source.describe(...call),
  ping: (...call) => source.ping(...call),
  async close() {
    await other.close()
    await source.close()
  },
})

/** Opens a source when it is first used: an embedded database takes a second to start, which a cached answer need not pay. */
function lazily(name: string, open: () => Promise<Source>): Source {
  let opened: Promise<Source> | undefined
  const source = (): Promise<Source> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    name,
    query: async (...call) => (await source()).query(...call),
    transaction: async (...call) => (await source()).transaction(...call),
    describe: async (...call) => (await source()).describe(...call),
    ping: async (...call) => (await source()).ping(...call),
    close: async () => (await opened)?.close(),
  }
}

/** Beside the folder; where that is longer than a socket's name may be (108 bytes, 104 on macOS), among temporary files. */
function socketOf(path: string): string {
  const beside = `${path}.sock`
  if (Buffer.byteLength(beside) < 100) return beside
  return join(tmpdir(), `kck-${createHash('sha256').update(path).digest('hex').slice(0, 16)}.sock`)
}
