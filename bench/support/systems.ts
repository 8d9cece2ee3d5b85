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

const POOL_SIZE = 10

export type StoreKind = 'memory' | 'lmdb' | 'cassandra'

export interface KckChoice extends Pick<KckOptions, 'nearCache' | 'working'> {
  /** Not the store that others of its kind share. */
  readonly apart?: boolean
}

export interface SystemsOptions {
  readonly database: Database
  /** Null: nothing has its store in Cassandra. */
  readonly keyspace: Keyspace | null
  readonly cleanup: Cleanup
  /** Connections to PostgreSQL that each server may have. Default: that of pg's pool. */
  readonly poolSize?: number
}

/** Starts servers over shared services. */
export class Systems {
  readonly #database: Database
  readonly #keyspace: Keyspace | null
  readonly #poolSize: number
  readonly #cleanup: Cleanup
  #lmdbPath: string | null = null

  constructor({ database, keyspace, cleanup, poolSize = POOL_SIZE }: SystemsOptions) {
    this.#poolSize = poolSize
    this.#database = database
    this.#keyspace = keyspace
    this.#cleanup = cleanup
  }

  /** KCK as `kck serve` runs it. All processes of one kind of store share that store. */
  kck(kind: StoreKind, { nearCache, working, apart = false }: KckChoice = {}) {
    const { connectionString } = this.#database
    const options: KckOptions = {
      store: this.#store(kind, apart),
      sources: { main: { kind: 'postgres', connectionString, budget: { concurrency: this.#poolSize } } },
      ...(nearCache ? { nearCache } : {}),
      ...(working ? { working } : {}),
    }
    return startNodeServer('kck', { options, cleanup: this.#cleanup })
  }

  postgres() {
    const options: PostgresOptions = { connectionString: this.#database.connectionString, poolSize: this.#poolSize }
    return startNodeServer('postgres', { options, cleanup: this.#cleanup })
  }

  bentocache(redisPort: number) {
    const { connectionString } = this.#database
    const options: BentocacheOptions = { connectionString, poolSize: this.#poolSize, redisPort }
    return startNodeServer('bentocache', { options, cleanup: this.#cleanup })
  }

  #store(kind: StoreKind, apart: boolean): KckOptions['store'] & object {
    if (kind === 'memory') return { kind }
    if (kind === 'lmdb') return { kind, path: this.#lmdbFolder(apart) }
    if (!this.#keyspace) throw new Error('There is no Cassandra in this benchmark')
    const { contactPoints, port, localDataCenter, keyspace } = this.#keyspace
    return { kind, contactPoints, port, localDataCenter, keyspace }
  }

  #lmdbFolder(apart: boolean): string {
    if (this.#lmdbPath !== null && !apart) return this.#lmdbPath
    const folder = mkdtempSync(join(tmpdir(), 'kck-bench-'))
    this.#cleanup.add(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'store')
    if (!apart) this.#lmdbPath = path
    return path
  }
}
