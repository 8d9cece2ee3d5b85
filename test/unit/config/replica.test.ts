import { describe, expect, it } from 'vitest'
import type { KckConfig } from '../../../src/config/config.ts'
import { resolveConfig } from '../../../src/config/resolve.ts'

const resolve = (config: KckConfig, environment = {}) => resolveConfig(config, { folder: '/project', environment })
const replicaOf = (config: KckConfig, environment = {}) => resolve(config, environment).replica

describe('the replica', () => {
  it('has its log where the entries are, and its copy on the machine', () => {
    expect(replicaOf({ store: { kind: 'lmdb', path: '/data/kck/store' } })).toMatchObject({
      log: { kind: 'file', path: '/data/kck/replica/log' },
      path: '/data/kck/replica',
      state: 'lmdb',
      snapshots: { kind: 'file', path: '/data/kck/replica/snapshots' },
    })
    expect(replicaOf({ store: { kind: 'cassandra' } })).toMatchObject({
      log: { kind: 'store' },
      path: '/project/.kck/replica',
      snapshots: null,
    })
    expect(replicaOf({ store: { kind: 'memory' } })).toBeNull()
  })

  it('is there in Lambda only where it is told to be', () => {
    const environment = { AWS_LAMBDA_FUNCTION_NAME: 'kck-fetch', AWS_REGION: 'eu-west-1' }
    const config: KckConfig = { store: { kind: 'keyspaces' } }
    expect(replicaOf(config, environment)).toBeNull()
    const told = { ...environment, KCK_REPLICA_PATH: '/tmp/kck-replica' }
    expect(replicaOf(config, told)).toMatchObject({
      log: { kind: 'store' },
      path: '/tmp/kck-replica',
      state: 'sqlite',
    })
  })

  it('takes its snapshots to the bucket that the environment names', () => {
    expect(replicaOf({}, { KCK_REPLICA_BUCKET: 'copies', KCK_REPLICA_REGION: 'eu-west-1' })?.snapshots).toEqual({
      kind: 's3',
      bucket: 'copies',
      prefix: 'replica',
      region: 'eu-west-1',
      endpoint: null,
    })
    const snapshots = { kind: 's3', bucket: 'mine', prefix: 'prices' } as const
    expect(replicaOf({ replica: { snapshots } }, { KCK_REPLICA_BUCKET: 'theirs' })?.snapshots).toMatchObject({
      bucket: 'theirs',
      prefix: 'prices',
    })
  })

  it('has times and sizes', () => {
    expect(replicaOf({ replica: { maxAge: '500ms', snapshotEvery: '1d', cacheBytes: '1mb' } })).toMatchObject({
      maxAgeMs: 500,
      snapshotEveryMs: 86_400_000,
      cacheBytes: 1024 ** 2,
    })
  })

  it.each([
    [{ replica: { log: { kind: 'store' } } }, "replica.log.kind can be 'store' where store.kind is"],
    [
      { store: { kind: 'cassandra' }, replica: { log: { kind: 'file' } } },
      'replica.log.kind must be what all machines see',
    ],
    [{ replica: { snapshots: { kind: 's3' } } }, 'replica.snapshots.bucket is missing: name the bucket'],
    [{ replica: { snapshotEvery: '1s' } }, 'replica.snapshotEvery must be at least 60000 ms'],
  ] as [KckConfig, string][])('refuses %j', (config, message) => {
    expect(() => resolve(config)).toThrow(message)
  })
})
