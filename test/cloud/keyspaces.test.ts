import { Client, types } from 'cassandra-driver'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { openCassandraStore } from '../../src/adapters/cassandra/store.ts'
import { SigV4AuthProvider } from '../../src/adapters/keyspaces/auth-provider.ts'
import { keyspacesSettings } from '../../src/adapters/keyspaces/settings.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import type { Store } from '../../src/ports/store.ts'
import { emptyRow, nextRow } from '../conformance/rows.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import type { CassandraAddress } from '../support/cassandra/start.ts'
import type { Cut } from '../support/fault-proxy.ts'
import { type KeyspacesDouble, startKeyspaces } from '../support/keyspaces/double.ts'

const cassandra = inject('cassandra')
const region = 'eu-central-1'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI', sessionToken: 'session' }

describe.skipIf(cassandra === null)('Amazon Keyspaces, as its double has it', () => {
  let keyspaces: KeyspacesDouble
  let keyspace: TestKeyspace
  beforeAll(async () => {
    keyspace = await createKeyspace(cassandra as CassandraAddress)
    keyspaces = await startKeyspaces(cassandra as CassandraAddress, { region, ...credentials, now: Date.now })
  })
  beforeEach(() => keyspaces.restart())
  afterAll(async () => {
    await keyspaces?.stop()
    await keyspace?.drop()
  })

  function connect(settings: { secretAccessKey?: string; newest?: boolean; ca?: string } = {}): Client {
    const { newest = false, ca = keyspaces.certificate.cert, secretAccessKey = credentials.secretAccessKey } = settings
    const [host = '', port = ''] = keyspaces.endpoint.split(':')
    const signer = { region, credentials: async () => ({ ...credentials, secretAccessKey }), clock: systemClock }
    const client = new Client({
      contactPoints: [host],
      localDataCenter: region,
      protocolOptions: { port: Number(port), ...(newest ? {} : { maxVersion: 4 }) },
      authProvider: new SigV4AuthProvider(signer),
      sslOptions: { servername: host, ca: [ca], rejectUnauthorized: true },
      policies: { timestampGeneration: null as never },
      isMetadataSyncEnabled: false,
    })
    onTestFinished(() => client.shutdown())
    return client
  }

  function open(): Promise<Store> {
    const settings = { region, keyspace: keyspace.name, endpoint: keyspaces.endpoint, hosts: 2 }
    const { sslOptions, ...options } = keyspacesSettings(settings, systemClock)
    const { sessionToken } = credentials
    const source = async () => ({ ...credentials, sessionToken })
    return openCassandraStore({
      ...options,
      clock: systemClock,
      entropy: systemEntropy,
      authProvider: new SigV4AuthProvider({ region, credentials: source, clock: systemClock }),
      sslOptions: { ...sslOptions, ca: [keyspaces.certificate.cert] },
    })
  }

  test('shows nine hosts of the region, each with TLS and a sign-in', async () => {
    const client = connect()
    await client.connect()
    expect(client.hosts.values()).toHaveLength(9)
    expect(new Set(client.hosts.values().map(({ datacenter }) => datacenter))).toEqual(new Set([region]))
    expect(keyspaces.connected().size).toBe(9)
  })

  test.each([
    ['another secret', { secretAccessKey: 'another' }],
    ['an unknown certificate', { ca: '' }],
  ])('lets nobody in with %s', async (_, settings) => {
    const before = keyspaces.sessions
    await expect(connect(settings).connect()).rejects.toThrow(/All host\(s\) tried/)
    expect(keyspaces.sessions).toBe(before)
  })

  test('speaks version 4 of the protocol only', async () => {
    const client = connect({ newest: true })
    await client.connect()
    expect(
      (client as unknown as { controlConnection: { protocolVersion: number } }).controlConnection.protocolVersion,
    ).toBe(4)
  })

  const quorum = types.consistencies.localQuorum
  test.each([
    ['TRUNCATE', 'TRUNCATE kck.entry', quorum],
    ['an index', 'CREATE INDEX ON kck.entry (rev)', quorum],
    ['a count', 'SELECT count(*) FROM kck.entry', quorum],
    ['a read with QUORUM', 'SELECT keyspace_name FROM system_schema.keyspaces', types.consistencies.quorum],
    ['IN in a DELETE', 'DELETE FROM kck.entry WHERE key IN (?)', quorum],
  ])('refuses %s, prepared or not', async (_, cql, consistency) => {
    const client = connect()
    await expect(client.execute(cql, [], { consistency })).rejects.toThrow('Not in Amazon Keyspaces')
    await expect(client.execute(cql, [], { consistency, prepare: true })).rejects.toThrow('Not in Amazon Keyspaces')
  })

  test('takes every statement of the store, on two hosts', async () => {
    const store = await open()
    const row = emptyRow('some/key')
    expect(await store.entries.compareAndSet(null, row)).toBe(true)
    expect(await store.entries.compareAndSet(row, nextRow(row))).toBe(true)
    expect((await store.entries.get('some/key', { consistency: 'latest' })).row?.rev).toBe(row.rev + 1)
    expect(keyspaces.connected().size).toBeLessThanOrEqual(2)
    await store.close()
  })

  test('throttling delays a statement and loses none', async () => {
    const store = await open()
    const row = emptyRow('throttled/key')
    expect(await store.entries.compareAndSet(null, row)).toBe(true)
    keyspaces.throttle(2)
    expect(await store.entries.compareAndSet(row, nextRow(row))).toBe(true)
    expect((await store.entries.get('throttled/key', { consistency: 'latest' })).row?.rev).toBe(row.rev + 1)
    await store.close()
  })

  test.each<Cut>(['closed', 'reset', 'dropped'])('connections that were %s cost no statement', async (how) => {
    const store = await open()
    await store.entries.get('any')
    keyspaces.cut(how)
    await expect(store.entries.get('any')).resolves.toMatchObject({ row: null })
    await store.close()
  })

  test.each<Cut>(['closed', 'reset', 'dropped'])(
    'after ten idle minutes, connections that were %s cost no statement',
    async (how) => {
      const store = await open()
      const row = emptyRow(`idle/${how}`)
      await store.entries.compareAndSet(null, row)
      const now = performance.now.bind(performance)
      const shifted = vi.spyOn(performance, 'now').mockImplementation(() => now() + 600_000)
      onTestFinished(() => shifted.mockRestore())
      keyspaces.cut(how)
      // At once, so that one of them may find what another is about to replace.
      const [applied, ...found] = await Promise.all([
        store.entries.compareAndSet(row, nextRow(row)),
        store.entries.get('any'),
        store.entries.get('other', { consistency: 'latest' }),
      ])
      expect(applied).toBe(true)
      expect(found.map((each) => each.row)).toEqual([null, null])
      await store.close()
    },
  )

  test('a hundred statements whose connection is reset are all answered', async () => {
    const store = await open()
    await store.entries.get('any')
    const all = Array.from({ length: 100 }, (_, index) => store.entries.get(`any/${index}`))
    keyspaces.cut('reset')
    expect((await Promise.all(all)).every(({ row }) => row === null)).toBe(true)
    await store.close()
  })

  test('a statement that finds no host for a moment is answered when there is one again', async () => {
    const store = await open()
    await keyspaces.stop()
    const answer = store.entries.get('any')
    await keyspaces.restart()
    expect((await answer).row).toBe(null)
    await store.close()
  })
})
