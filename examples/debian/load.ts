import { createReadStream, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createZstdDecompress } from 'node:zlib'

/** The two calls that a PGlite, and a `pg` client with `exec: (sql) => client.query(sql)`, both have. */
export interface Database {
  query(text: string, values?: unknown[]): Promise<unknown>
  /** Several statements at once, without values. */
  exec(text: string): Promise<unknown>
}

interface Table {
  readonly name: string
  readonly columns: Readonly<Record<string, string>>
}

const PACKAGE: Table = {
  name: 'package',
  columns: {
    name: 'text',
    version: 'text',
    section: 'text',
    maintainer_id: 'int',
    source: 'text',
    installed_kib: 'int',
    size_bytes: 'bigint',
  },
}

const DEPENDS: Table = { name: 'depends', columns: { package: 'text', depends_on: 'text' } }

const BATCH_ROWS = 10_000

/**
 * Makes the tables and fills them: 63,436 packages and 273,919 dependencies, in about three seconds. All or nothing.
 * `onProgress` hears the number of rows so far.
 */
export async function loadDebian(database: Database, onProgress: (rows: number) => void = () => {}): Promise<void> {
  let rows = 0
  const insert = async (table: Table, file: string) => {
    for await (const batch of batches(file)) {
      await insertBatch(database, table, batch)
      rows += batch.length
      onProgress(rows)
    }
  }
  await database.exec('begin')
  try {
    await database.exec(readText('schema.sql'))
    await insert(PACKAGE, 'packages.csv.zst')
    await insert(DEPENDS, 'depends.csv.zst')
    await database.exec(readText('indexes.sql'))
    await database.exec('commit')
  } catch (error) {
    await database.exec('rollback')
    throw error
  }
  // Also marks pages as visible to all, without which index-only scans are ten times slower.
  await database.exec('vacuum (analyze)')
}

/** One statement per batch, each column bound as an array: this works on every kind of source, unlike COPY. */
async function insertBatch(database: Database, { name, columns }: Table, batch: readonly string[][]): Promise<void> {
  const arrays = Object.values(columns).map((type, index) => `$${index + 1}::${type}[]`)
  await database.query(
    `insert into ${name} (${Object.keys(columns).join(', ')}) select * from unnest(${arrays.join(', ')})`,
    arrays.map((_, index) => batch.map((fields) => fields[index])),
  )
}

async function* batches(file: string): AsyncGenerator<string[][]> {
  let batch: string[][] = []
  for await (const fields of readRows(file)) {
    batch.push(fields)
    if (batch.length === BATCH_ROWS) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

/** The rows of a compressed CSV file of `data/`, without its header. No field of these files holds a comma or a quote. */
export async function* readRows(file: string): AsyncGenerator<string[]> {
  const text = createReadStream(urlOf(`data/${file}`)).pipe(createZstdDecompress())
  let header = true
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (!header) yield line.split(',')
    header = false
  }
}

const urlOf = (path: string) => new URL(path, import.meta.url)
const readText = (path: string) => readFileSync(urlOf(path), 'utf8')
