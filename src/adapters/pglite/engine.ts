import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { PGlite, type QueryOptions as PgliteQueryOptions, type Results, type Transaction } from '@electric-sql/pglite'
import { asKckError, KckError } from '../../errors.ts'
import type { Column, QueryOptions, QueryResult, Source, SourceTransaction, SqlValues } from '../../ports/source.ts'
import type { SqlStatement } from '../../sql/statement.ts'
import { decodeRows } from '../postgres-common/decode.ts'
import { encodeText } from '../postgres-common/encode.ts'
import { sqlStateError, sqlStateOf, unavailable } from '../postgres-common/errors.ts'
import { TYPES_BY_OID, TypeCatalog } from '../postgres-common/types.ts'

export interface EngineOptions {
  readonly name: string
  readonly dataDir: string
  readonly initSql?: string | undefined
  readonly loadDump?: string | undefined
}

/** PGlite in this very thread, which it blocks while a statement runs: meant for a thread of its own. */
export class PgliteEngine implements Source {
  readonly name: string
  readonly #database: PGlite
  /** Everything travels as PostgreSQL's text, both ways. */
  readonly #raw: PgliteQueryOptions
  readonly #catalog = new TypeCatalog()
  /** Ends when everything asked so far is done: there is one session. */
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(name: string, database: PGlite) {
    this.name = name
    this.#database = database
    this.#raw = { rowMode: 'array', parsers: asIs(database.parsers), serializers: asIs(database.serializers) }
  }

  static async open(options: EngineOptions): Promise<PgliteEngine> {
    const database = await openDatabase(options)
    await database.exec(`set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';
      set bytea_output = 'hex'; set extra_float_digits = 1`)
    return new PgliteEngine(options.name, database)
  }

  query(statement: SqlStatement, values: SqlValues, options: QueryOptions = {}): Promise<QueryResult> {
    return this.#inTurn(options.signal, () => this.#execute(this.#database, statement, values))
  }

  transaction<T>(work: (transaction: SourceTransaction) => Promise<T>, options: QueryOptions = {}): Promise<T> {
    return this.#inTurn(options.signal, async () => {
      let failure: unknown
      let finished = false
      try {
        return await this.#database.transaction(async (open) => {
          const result = await work({
            query: (statement, values) => {
              options.signal?.throwIfAborted()
              return this.#execute(open, statement, values).catch((error: unknown) => {
                failure = error
                throw error
              })
            },
          })
          finished = true
          return result
        })
      } catch (error) {
        // The commit was answered with a rollback: the work has ignored a failed statement.
        throw finished ? (failure ?? error) : error
      }
    })
  }

  describe(statement: SqlStatement): Promise<readonly Column[]> {
    return this.#inTurn(undefined, async () => {
      const { resultFields } = await this.#translated(this.#database.describeQuery(statement.positional))
      const fields = resultFields.map(({ name, dataTypeID }) => ({ name, dataTypeID }))
      return (await this.#result(this.#database, { fields, rows: [] })).columns
    })
  }

  async ping(options: QueryOptions = {}): Promise<void> {
    await this.#inTurn(options.signal, () => this.#database.query('select 1'))
  }

  async close(): Promise<void> {
    await this.#inTurn(undefined, () => this.#database.close())
  }

  /** Writes the whole database into a file that `loadDump` takes. */
  async dump(file: string): Promise<void> {
    const tar = await this.#inTurn(undefined, () => this.#database.dumpDataDir('none'))
    writeFileSync(`${file}.new`, zstdCompressSync(Buffer.from(await tar.arrayBuffer())))
    renameSync(`${file}.new`, file)
  }

  async #execute(session: PGlite | Transaction, statement: SqlStatement, values: SqlValues): Promise<QueryResult> {
    const texts = statement.names.map((name) => encodeText(values[name], statement.types[name]))
    const answer = await this.#translated(session.query<(string | null)[]>(statement.positional, texts, this.#raw))
    return this.#result(session, answer)
  }

  async #result(session: PGlite | Transaction, answer: Results<(string | null)[]>): Promise<QueryResult> {
    const types = await this.#catalog.resolve(
      answer.fields.map((field) => field.dataTypeID),
      async (oids) => (await session.query<(string | null)[]>(TYPES_BY_OID, [`{${oids}}`], this.#raw)).rows,
    )
    return {
      columns: answer.fields.map((field, column) => ({ name: field.name, type: types[column]?.name ?? 'unknown' })),
      rows: decodeRows(answer.rows, types),
      rowCount: answer.fields.length > 0 ? answer.rows.length : (answer.affectedRows ?? 0),
    }
  }

  async #translated<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer
    } catch (error) {
      const sqlState = sqlStateOf(error)
      throw sqlState ? sqlStateError(this.name, sqlState, error) : unavailable(this.name, error)
    }
  }

  async #inTurn<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(() => {
      signal?.throwIfAborted()
      return work()
    })
    this.#tail = turn.catch(() => {})
    return turn
  }
}

/** In place of PGlite's own conversions, of which every one must be named. */
function asIs(conversions: Readonly<Record<string, unknown>>): Record<string, (value: string) => string> {
  return Object.fromEntries(Object.keys(conversions).map((oid) => [oid, (value: string) => value]))
}

async function openDatabase({ dataDir, initSql, loadDump }: EngineOptions): Promise<PGlite> {
  if (dataDir === 'memory') return createDatabase(undefined, { initSql, loadDump })
  if (!existsSync(dataDir)) {
    // Made beside and then renamed, so that a process that dies half-way leaves no half database.
    const unfinished = `${dataDir}.new`
    mkdirSync(dirname(dataDir), { recursive: true })
    rmSync(unfinished, { recursive: true, force: true })
    await (await createDatabase(unfinished, { initSql, loadDump })).close()
    renameSync(unfinished, dataDir)
  }
  return PGlite.create({ dataDir })
}

async function createDatabase(
  dataDir: string | undefined,
  { initSql, loadDump }: Pick<EngineOptions, 'initSql' | 'loadDump'>,
): Promise<PGlite> {
  const database = await PGlite.create({
    ...(dataDir ? { dataDir } : {}),
    ...(loadDump ? { loadDataDir: new Blob([zstdDecompressSync(readFileSync(loadDump))]) } : {}),
  })
  try {
    if (initSql) await database.exec(initSql)
  } catch (error) {
    await database.close()
    throw fillError(error)
  }
  return database
}

function fillError(cause: unknown): KckError {
  const sqlState = sqlStateOf(cause)
  const details = sqlState ? { sqlState } : {}
  return new KckError('INVALID_CONFIG', 'The SQL that fills the new embedded database failed', { cause, details })
}

/** The engine's failure to open in words for the caller. */
export function openError(name: string, error: unknown): KckError {
  return error instanceof KckError
    ? error
    : asKckError(error, 'SOURCE_UNAVAILABLE', `The embedded database of the source ${name} cannot be opened`)
}
