import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BentocacheOptions } from '../servers/bentocache.ts'
import type { KckOptions } from '../servers/kck.ts'
import type { PostgresOptions } from '../servers/postgres.ts'
import type { Cleanup } from './cleanup.ts'
import { type ServerProcess, startNodeServer } from './process.ts'
import type { Database, Keyspace } from './services.ts'

/** One server process that is measured. */
export interface System {
  readonly name: string
  readonly server: ServerProcess
}

/** Connections to PostgreSQL that each server may have: the default of pg's pool. */
const POOL_SIZE = 10

export type StoreKind = 'memory' | 'lmdb' | 'cassandra'

/** Starts servers over shared services. */
export class Systems {
  readonly #database: Database
  readonly #keyspace: Keyspace
  readonly #cleanup: Cleanup
  #lmdbPath: string | null = null

  constructor({ database, keyspace, cleanup }: { database: Database; keyspace: Keyspace; cleanup: Cleanup }) {
    this.#database = database
    this.#keyspace = keyspace
    this.#cleanup = cleanup
  }

  /** KCK as `kck serve` runs it. All processes of one kind of store share that store. */
  kck(kind: StoreKind, { nearCache }: Pick<KckOptions, 'nearCache'> = {}) {
    const { connectionString } = this.#database
    const options: KckOptions = {
      store: this.#store(kind),
      sources: { main: { kind: 'postgres', connectionString, budget: { concurrency: POOL_SIZE } } },
      ...(nearCache ? { nearCache } : {}),
    }
    return startNodeServer('kck', { options, cleanup: this.#cleanup })
  }

  postgres() {
    const options: PostgresOptions = { connectionString: this.#database.connectionString, poolSize: POOL_SIZE }
    return startNodeServer('postgres', { options, cleanup: this.#cleanup })
  }

  bentocache(redisPort: number) {
    const { connectionString } = this.#database
    const options: BentocacheOptions = { connectionString, poolSize: POOL_SIZE, redisPort }
    return startNodeServer('bentocache', { options, cleanup: this.#cleanup })
  }

  #store(kind: StoreKind): KckOptions['store'] & object {
    if (kind === 'memory') return { kind }
    if (kind === 'lmdb') return { kind, path: this.#lmdbFolder() }
    const { contactPoints, port, localDataCenter, keyspace } = this.#keyspace
    return { kind, contactPoints, port, localDataCenter, keyspace }
  }

  #lmdbFolder(): string {
    if (this.#lmdbPath !== null) return this.#lmdbPath
    const folder = mkdtempSync(join(tmpdir(), 'kck-bench-'))
    this.#cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
    this.#lmdbPath = join(folder, 'store')
    return this.#lmdbPath
  }
}
