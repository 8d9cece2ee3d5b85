import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { openCassandraStore } from '../../src/adapters/cassandra/store.ts'
import { SigV4AuthProvider } from '../../src/adapters/keyspaces/auth-provider.ts'
import { keyspacesSettings } from '../../src/adapters/keyspaces/settings.ts'
import { systemClock, systemEntropy } from '../../src/adapters/system/clock.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Store } from '../../src/ports/store.ts'
import { createKeyspace } from '../support/cassandra/keyspace.ts'
import { startKeyspaces } from '../support/keyspaces/double.ts'
import { entryStoreConformance } from './entry-store.ts'
import { lineageConformance } from './lineage.ts'
import { registersConformance } from './registers.ts'
import type { StoreFactory } from './suite.ts'
import { workIndexConformance } from './work-index.ts'

const address = inject('cassandra')
const region = 'eu-central-1'
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI', sessionToken: 'session' }

/** All of the store's suites as Amazon Keyspaces would see them: TLS, SigV4, nine hosts, its own refusals. */
describe.skipIf(address === null)('Keyspaces', async () => {
  if (address === null) return
  const keyspace = await createKeyspace(address, { tableOptions: 'default_time_to_live = 315360000' })
  const double = await startKeyspaces(address, { region, ...credentials, now: Date.now })
  afterAll(async () => {
    await double.stop()
    await keyspace.drop()
  })

  const open = (clock: Clock = systemClock): Promise<Store> => {
    const options = { region, keyspace: keyspace.name, endpoint: double.endpoint, hosts: 1 }
    const { sslOptions, ...settings } = keyspacesSettings(options, systemClock)
    return openCassandraStore({
      ...settings,
      clock,
      entropy: systemEntropy,
      // What Keyspaces does in its own time, one process does here for all hosts.
      requestTimeoutMs: 10_000,
      authProvider: new SigV4AuthProvider({ region, credentials: async () => credentials, clock: systemClock }),
      sslOptions: { ...sslOptions, ca: [double.certificate.cert] },
    })
  }

  const factory: StoreFactory = async () => {
    const store = await open()
    const stores = [store]
    return {
      store,
      another: async () => {
        const second = await open()
        stores.push(second)
        return second
      },
      // As of the Cassandra behind it: lifetimes in whole seconds.
      advance: (ms) => sleep(ms < 2_000 ? ms : ms + 2_500),
      close: async () => {
        await Promise.all(stores.map((each) => each.close()))
      },
    }
  }
  const options = { runs: 15, increments: 10 }

  entryStoreConformance('keyspaces', factory, options)
  lineageConformance('keyspaces', factory, options)
  registersConformance('keyspaces', factory, options)
  workIndexConformance('keyspaces', factory, {
    ...options,
    deviations: [{ test: 'items vanish by themselves after a day', reason: 'its time is real; cassandra-ttl.test.ts' }],
  })

  test('a client that was not used for four minutes is replaced before the next call', async () => {
    let frozenMs = 0
    const clock = { ...systemClock, now: () => Date.now() + frozenMs }
    const store = await open(clock)
    await store.entries.ping()
    const { sessions } = double
    await store.entries.ping()
    expect(double.sessions).toBe(sessions)
    frozenMs = 241_000
    await store.entries.ping()
    expect(double.sessions).toBe(sessions + 1)
    await store.close()
  })

  test('nothing of it was refused', () => {
    expect(double.refusals).toEqual([])
  })
})
