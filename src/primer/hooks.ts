import { KckError } from '../errors.ts'
import { emit } from '../events.ts'

/** Runs a hook that stands before a change; one that throws stops it. */
export async function runBefore<E>(
  name: string,
  hook: ((event: E) => void | Promise<void>) | undefined,
  event: E,
): Promise<void> {
  if (!hook) return
  try {
    await hook(event)
  } catch (error) {
    emit({ type: 'fault', where: `hook ${name}`, error })
    throw error instanceof KckError
      ? error
      : new KckError('COMPUTE_FAILED', `The hook ${name} failed`, { cause: error })
  }
}

/** Runs a hook that stands after a change; what is done stays done, so one that throws is reported as a `fault`. */
export async function runAfter<E>(
  name: string,
  hook: ((event: E) => void | Promise<void>) | undefined,
  event: E,
): Promise<void> {
  if (!hook) return
  try {
    await hook(event)
  } catch (error) {
    emit({ type: 'fault', where: `hook ${name}`, error })
  }
}
