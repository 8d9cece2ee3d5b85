import { emit, subscribe } from '../events.ts'
import { eventLine } from '../log/event-line.ts'
import type { Io } from './io.ts'

/**
 * Prints what no request hears of, a line of JSON each: failed refreshes in the background, hooks that threw, parts that
 * do not answer. A promise that nobody waited for is one of these: it must not end every request under way. Returns the
 * way to stop.
 */
export function logFaults(io: Io): () => void {
  const unsubscribe = subscribe((event) => {
    const line = event.type === 'fault' ? eventLine(event, Date.now()) : null
    if (line !== null) io.err(line)
  })
  const onRejection = (error: unknown) => emit({ type: 'fault', where: 'unhandled-rejection', error })
  process.on('unhandledRejection', onRejection)
  return () => {
    unsubscribe()
    process.off('unhandledRejection', onRejection)
  }
}
