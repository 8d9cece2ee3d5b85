import { PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll } from 'vitest'
import { createS3SnapshotStore } from '../../src/adapters/s3/snapshot-store.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
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
