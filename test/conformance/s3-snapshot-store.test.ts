import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, expect, test } from 'vitest'
import { MemoryUpdateLog } from '../../src/adapters/memory/update-log.ts'
import { createS3SnapshotStore } from '../../src/adapters/s3/snapshot-store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { raw } from '../../src/replica/codec.ts'
import { openReplica } from '../../src/replica/open-replica.ts'
import { startS3 } from '../support/s3/server.ts'
import { snapshotStoreConformance } from './snapshot-store.ts'

const { client, bucket, close } = await startS3()
afterAll(close)
let datasets = 0

snapshotStoreConformance('s3', async () => {
  const prefix = `datasets/${datasets++}`
  const another = () => createS3SnapshotStore({ bucket, prefix, client, clock: systemClock })
  const store = another()
  return {
    store,
    another,
    tear: async ({ name, bytes }) => {
      const Key = `${prefix}/${name.slice(-36)}.data`
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.alloc(bytes / 2) }))
    },
    close: () => store.close(),
  }
})

test('a new machine starts from S3, from the older snapshot when the newest is torn', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kck-s3-'))
  const log = new MemoryUpdateLog('log-1')
  const prefix = 'datasets/started'
  const snapshots = createS3SnapshotStore({ bucket, prefix, client, clock: systemClock })
  const machine = (name: string) =>
    openReplica({ name, path: folder, log, snapshots, codec: raw(), follow: false, keys: 'text' })
  const one = await machine('one')
  await one.setMany(Array.from({ length: 40 }, (_, index) => [`large-${index}`, Buffer.alloc(300_000, index)] as const))
  const whole = await one.snapshot()
  await one.set('last', Buffer.from('1'))
  const torn = await one.snapshot()
  const Key = `${prefix}/${torn.name.slice(-36)}.data`
  await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Buffer.alloc(100) }))
  await one.compact(whole.id)
  const two = await machine('two')
  expect(two.size).toBe(41)
  expect(two.get('large-39')).toEqual(Buffer.alloc(300_000, 39))
  await Promise.all([one.close(), two.close()])
  rmSync(folder, { recursive: true, force: true })
})
