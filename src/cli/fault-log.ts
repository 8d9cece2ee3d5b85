import { emit, subscribe } from '../events.ts'
import type { Io } from './io.ts'

/**
 * Prints what no request hears of, a line of JSON each: failed refreshes in the background, hooks that threw, parts that
 * do not answer. A promise that nobody waited for is one of these: it must not end every request under way. Returns the
 * way to stop.
 */
export function logFaults(io: Io): () => void {
  const unsubscribe = subscribe((event) => {
    if (event.type !== 'fault') return
    const { where, key, code, error } = event
    const { name, message } = error instanceof Error ? error : { name: typeof error, message: '' }
    io.err(JSON.stringify({ level: 'error', type: 'fault', where, key, code, error: { name, message } }))
  })
  const onRejection = (error: unknown) => emit({ type: 'fault', where: 'unhandled-rejection', error })
  process.on('unhandledRejection', onRejection)
  return () => {
    unsubscribe()
    process.off('unhandledRejection', onRejection)
  }
}
