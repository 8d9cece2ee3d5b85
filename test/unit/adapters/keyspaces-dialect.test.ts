import { types } from 'cassandra-driver'
import { describe, expect, test } from 'vitest'
import { TABLES } from '../../../src/adapters/cassandra/schema.ts'
import { statementsOf } from '../../../src/adapters/cassandra/statements.ts'
import { LOG_TABLES, logStatements } from '../../../src/adapters/cassandra/update-log-tables.ts'
import { checkBatch, checkStatement, NotInKeyspacesError } from '../../support/cassandra/keyspaces-dialect.ts'

const { consistencies } = types

describe('the guard of the Keyspaces dialect', () => {
  test.each([
    'TRUNCATE kck.entry',
    'CREATE INDEX by_rev ON kck.entry (rev)',
    "CREATE CUSTOM INDEX ON kck.entry (rev) USING 'StorageAttachedIndex'",
    'CREATE MATERIALIZED VIEW kck.v AS SELECT * FROM kck.entry WHERE rev IS NOT NULL PRIMARY KEY (rev)',
    "CREATE TRIGGER t ON kck.entry USING 'x'",
    "CREATE OR REPLACE FUNCTION kck.f (i int) CALLED ON NULL INPUT RETURNS int LANGUAGE java AS 'return i;'",
    'CREATE AGGREGATE kck.a (int) SFUNC f STYPE int',
    'ALTER TYPE kck.address ADD zip text',
    'CREATE ROLE reader',
    'GRANT SELECT ON kck.entry TO reader',
    'CREATE TABLE kck.t1 (aa text, bb text STATIC, cc text, PRIMARY KEY (aa, cc))',
    'CREATE TABLE kck.t1 (k text PRIMARY KEY)',
    'SELECT COUNT(*) FROM kck.entry',
    'select max(rev) from kck.entry',
    'SELECT * FROM kck.entry WHERE rev = 1 ALLOW FILTERING',
    'SELECT * FROM kck.entry PER PARTITION LIMIT 1',
    'SELECT WRITETIME(state) FROM kck.entry WHERE entry_key = ?',
    "UPDATE kck.entry USING TTL 0 SET rev = 1 WHERE entry_key IN ('a', 'b') AND part = ''",
    'DELETE FROM kck.entry WHERE entry_key IN ?',
    'INSERT INTO kck.entry (entry_key) VALUES (?) USING TTL 0 AND TIMESTAMP 5',
    'DELETE FROM kck.entry USING TIMESTAMP 5 WHERE entry_key = ?',
    'BEGIN BATCH INSERT INTO kck.entry (entry_key) VALUES (?) USING TTL 0; APPLY BATCH',
    'INSERT INTO kck.entry (entry_key) VALUES (?)',
  ])('refuses %s', (cql) => {
    expect(() => checkStatement({ cql })).toThrow(NotInKeyspacesError)
  })

  test('refuses consistency levels', () => {
    const read = 'SELECT rev FROM kck.entry WHERE entry_key = ?'
    const write = 'DELETE FROM kck.entry WHERE entry_key = ?'
    for (const name of ['all', 'quorum', 'two', 'three', 'eachQuorum', 'serial', 'localSerial', 'any'] as const) {
      expect(() => checkStatement({ cql: read, consistency: consistencies[name] }), name).toThrow(NotInKeyspacesError)
    }
    for (const name of ['one', 'localOne', 'quorum', 'all', 'any'] as const) {
      expect(() => checkStatement({ cql: write, consistency: consistencies[name] }), name).toThrow(NotInKeyspacesError)
    }
    for (const name of ['one', 'localOne', 'localQuorum'] as const) {
      expect(() => checkStatement({ cql: read, consistency: consistencies[name] }), name).not.toThrow()
    }
  })

  test('refuses batches that are too large, or conditional, or read', () => {
    const remove = 'DELETE FROM kck.entry WHERE entry_key = ? AND part = ?'
    const times = (count: number) => Array.from({ length: count }, () => remove)
    expect(() => checkBatch({ statements: times(30), logged: false })).not.toThrow()
    expect(() => checkBatch({ statements: times(31), logged: false })).toThrow(/at most 30/)
    expect(() => checkBatch({ statements: times(100), logged: true })).not.toThrow()
    expect(() => checkBatch({ statements: times(101), logged: true })).toThrow(/at most 100/)
    expect(() => checkBatch({ statements: [`${remove} IF EXISTS`], logged: false })).toThrow(/conditional/)
    expect(() => checkBatch({ statements: ['SELECT rev FROM kck.entry'], logged: false })).toThrow(/only writes/)
  })

  test.each([
    'SELECT rev FROM kck.entry WHERE entry_key IN (?, ?)',
    "INSERT INTO kck.entry (entry_key, part) VALUES (?, 'TRUNCATE COUNT(*) WHERE a IN (1)') IF NOT EXISTS USING TTL 0",
    'CREATE KEYSPACE IF NOT EXISTS kck WITH replication = {}',
    'DROP TABLE IF EXISTS kck.entry',
  ])('passes %s', (cql) => {
    expect(() => checkStatement({ cql })).not.toThrow()
  })

  test('passes every statement of the store, of the logs of replicas, and their tables', () => {
    const statements = [statementsOf('kck'), logStatements('kck')].flatMap((all) => Object.values<string>(all))
    for (const cql of statements) expect(() => checkStatement({ cql })).not.toThrow()
    for (const [name, columns] of Object.entries({ ...TABLES, ...LOG_TABLES })) {
      expect(() => checkStatement({ cql: `CREATE TABLE IF NOT EXISTS kck.${name} ${columns}` })).not.toThrow()
    }
  })
})
