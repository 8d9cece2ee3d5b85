// biome-ignore-all lint/style/noRestrictedImports: what kck/replica exports is put together here.
import { createFileSnapshotStore, type FileSnapshotOptions } from '../adapters/file/snapshot-store.ts'
import type { S3SnapshotOptions } from '../adapters/s3/snapshot-store.ts'
import { systemClock } from '../adapters/system/clock.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'

/** Snapshots of one dataset in a folder that all machines see. */
export function openFileSnapshots(options: Omit<FileSnapshotOptions, 'clock'>): SnapshotStore {
  return createFileSnapshotStore({ ...options, clock: systemClock })
}

/** Snapshots of one dataset in an S3 bucket. `close` lets go of its connections. */
export async function openS3Snapshots(
  options: Omit<S3SnapshotOptions, 'clock'>,
): Promise<SnapshotStore & { close(): Promise<void> }> {
  const { createS3SnapshotStore } = await import('../adapters/s3/snapshot-store.ts')
  return createS3SnapshotStore({ ...options, clock: systemClock })
}
