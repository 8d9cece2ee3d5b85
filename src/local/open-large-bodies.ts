import type { ResolvedLargeBodies } from '../config/resolved.ts'
import type { Clock } from '../ports/clock.ts'
import type { LargeBodies } from '../ports/large-bodies.ts'

/** Null where the settings name no place for them. */
export async function openLargeBodies(settings: ResolvedLargeBodies | null, clock: Clock): Promise<LargeBodies | null> {
  if (settings === null) return null
  const { createS3LargeBodies } = await import('../adapters/s3/large-bodies.ts')
  const { bucket, region, endpoint } = settings
  return createS3LargeBodies({
    bucket,
    clock,
    ...(region === null ? {} : { region }),
    ...(endpoint === null ? {} : { endpoint }),
  })
}
