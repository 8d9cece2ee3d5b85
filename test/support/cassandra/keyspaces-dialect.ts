import { Client, type QueryOptions, types } from 'cassandra-driver'

/** A statement, option or batch that Amazon Keyspaces would refuse, or that it takes and does otherwise. */
export class NotInKeyspacesError extends Error {
  override readonly name = 'NotInKeyspacesError'
}

export interface Execution {
  readonly cql: string
  readonly consistency?: number | undefined
}

const { consistencies } = types
const READS: ReadonlySet<number> = new Set([consistencies.one, consistencies.localOne, consistencies.localQuorum])
const UNLOGGED_BATCH = 30
const LOGGED_BATCH = 100

interface Rule {
  readonly refuses: RegExp
  readonly because: string
}

const ABSENT: readonly Rule[] = [
  [/^TRUNCATE\b/, 'TRUNCATE is missing'],
  [/^(CREATE|DROP) (CUSTOM )?INDEX\b/, 'indexes are missing'],
  [/^(CREATE|ALTER|DROP) MATERIALIZED VIEW\b/, 'materialized views are missing'],
  [/^(CREATE|DROP) TRIGGER\b/, 'triggers are missing'],
  [/^(CREATE|DROP)( OR REPLACE)? (FUNCTION|AGGREGATE)\b/, 'functions and aggregates are missing'],
  [/^ALTER TYPE\b/, 'ALTER TYPE is missing'],
  [/^(CREATE|ALTER|DROP|LIST) (ROLE|USER)S?\b|^(GRANT|REVOKE|LIST)\b/, 'roles and permissions are missing'],
  [/^CREATE TABLE\b.*\bSTATIC\b/, 'CloudFormation makes no static columns'],
  [/^SELECT\b.*\b(COUNT|MIN|MAX|SUM|AVG) ?\(/, 'aggregate functions are missing'],
  [/^SELECT\b.*\b(ALLOW FILTERING|GROUP BY|PER PARTITION LIMIT)\b/, 'it was not verified there'],
  [/^(UPDATE|DELETE)\b.*\bWHERE\b.*\bIN\b ?[(?]/, 'IN is for SELECT only'],
  [/^(INSERT|UPDATE|DELETE)\b.*\bUSING\b.*\bTIMESTAMP\b/, 'client-side timestamps are not turned on'],
  [/\b(WRITETIME|MAXWRITETIME) ?\(/, 'client-side timestamps are not turned on'],
  [/^BEGIN\b/, 'batches go through the batch call, where they are counted'],
  [/\b(VECTOR|DURATION) ?[<,)]|\bANN OF\b/, 'the type is missing'],
  [/^SELECT\b.*\bLIKE\b/, 'LIKE needs an index'],
].map(([refuses, because]) => ({ refuses: refuses as RegExp, because: because as string }))

const KNOWN = /^(SELECT|INSERT|UPDATE|DELETE|CREATE KEYSPACE|CREATE TABLE|ALTER TABLE|DROP TABLE|DROP KEYSPACE|USE)\b/
const WRITE = /^(INSERT|UPDATE|DELETE)\b/
const CONDITION = /\bIF\b/

/** Throws `NotInKeyspacesError` for a single statement. Keyspaces' own limits, not only Cassandra's. */
export function checkStatement({ cql, consistency = consistencies.localQuorum }: Execution): void {
  const text = normal(cql)
  if (!KNOWN.test(text)) refuse(cql, 'no such statement is used')
  for (const { refuses, because } of ABSENT) if (refuses.test(text)) refuse(cql, because)
  if (WRITE.test(text) && consistency !== consistencies.localQuorum) {
    refuse(cql, `writes are LOCAL_QUORUM, not ${nameOf(consistency)}`)
  }
  if (text.startsWith('SELECT') && !READS.has(consistency)) {
    refuse(cql, `reads are ONE, LOCAL_ONE or LOCAL_QUORUM, not ${nameOf(consistency)}`)
  }
  // Ours, not Keyspaces': a forgotten TTL would take the table's default.
  if (/^(INSERT|UPDATE)\b/.test(text) && !/\bUSING TTL\b/.test(text)) refuse(cql, 'every write names its TTL')
  checkNames(cql, text)
}

export interface BatchExecution {
  readonly statements: readonly string[]
  readonly logged: boolean
  readonly consistency?: number | undefined
}

export function checkBatch({ statements, logged, consistency }: BatchExecution): void {
  const limit = logged ? LOGGED_BATCH : UNLOGGED_BATCH
  const all = statements.join('; ')
  if (statements.length > limit) refuse(all, `a batch has at most ${limit} statements, not ${statements.length}`)
  for (const cql of statements) {
    checkStatement({ cql, consistency })
    if (!WRITE.test(normal(cql))) refuse(cql, 'a batch holds only writes')
    if (CONDITION.test(normal(cql))) refuse(cql, 'a batch holds no conditional writes')
  }
}

function checkNames(cql: string, text: string): void {
  const columns = /^CREATE TABLE (?:IF NOT EXISTS )?[\w."]+ ?\((.*)\)/.exec(text)?.[1]
  const names = columns?.replace(/PRIMARY KEY ?\(.*/, '').split(',') ?? []
  for (const name of names.map((each) => each.trim().split(' ')[0] ?? '')) {
    if (name.length === 1) refuse(cql, `names have two characters or more, not "${name}"`)
  }
}

/** Upper case, one blank between words, no text constants: what they hold is no CQL. */
function normal(cql: string): string {
  return cql
    .replace(/'(?:[^']|'')*'/g, "''")
    .replace(/\s+/g, ' ')
    .trim()
    .toUpperCase()
}

function nameOf(consistency: number): string {
  return Object.entries(consistencies).find(([, value]) => value === consistency)?.[0] ?? String(consistency)
}

function refuse(cql: string, because: string): never {
  throw new NotInKeyspacesError(`Not in Amazon Keyspaces: ${because}. In: ${cql.replace(/\s+/g, ' ').slice(0, 200)}`)
}

type Values = Parameters<Client['execute']>[1]
type Batch = readonly (string | { readonly query: string })[]

/** The driver's client of every test with Cassandra: refuses what would fail on Keyspaces only. */
export class KeyspacesDialectClient extends Client {
  #guarded = true
  /** Statements are few and constant: each is checked once. */
  readonly #passed = new Set<string>()

  /** For a test's own preparations. */
  unguarded(): this {
    this.#guarded = false
    return this
  }

  // The driver's overloads with callbacks are not used.
  override execute = ((cql: string, values?: Values, options?: QueryOptions) => {
    const statement = `${options?.consistency} ${cql}`
    if (this.#guarded && !this.#passed.has(statement)) {
      checkStatement({ cql, consistency: options?.consistency })
      this.#passed.add(statement)
    }
    return super.execute(cql, values, options)
  }) as Client['execute']

  override batch = ((batch: Batch, options: QueryOptions & { logged?: boolean } = {}) => {
    const statements = batch.map((each) => (typeof each === 'string' ? each : each.query))
    if (this.#guarded) {
      checkBatch({ statements, logged: options.logged ?? true, consistency: options.consistency })
    }
    return super.batch(batch as Array<string | { query: string }>, options)
  }) as Client['batch']
}
