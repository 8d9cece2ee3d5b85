import type { KckEvent } from '../events.ts'
import { currentRequestId } from '../trace/trace.ts'
import { type LogFields, logLine } from './line.ts'

/**
 * The line that an event is worth in a log, with the id of the request that it goes back to; null: none. What happens at
 * every fetch is in the request's own line.
 */
export function eventLine(event: KckEvent, time: number): string | null {
  const fields = fieldsOf(event)
  return fields && logLine({ time, requestId: currentRequestId(), ...fields })
}

/** Something else comes after these. */
const SILENT: ReadonlySet<string> = new Set(['sent', 'received', 'started', 'skipped', 'accepted'])
const LEVELS: Readonly<Record<string, Level>> = { failed: 'error', parked: 'warn', delayed: 'warn', unreadable: 'warn' }

type Level = LogFields['level']

const levelOf = (outcome: string): Level => LEVELS[outcome] ?? 'info'

function fieldsOf(event: KckEvent): { readonly level: Level; readonly [name: string]: unknown } | null {
  switch (event.type) {
    case 'fault': {
      const { type, where, key, code, error } = event
      return { level: 'error', type, where, key, code, error } as const
    }
    case 'compute-failed': {
      const { type, key, cause, attempts, costMs: ms, error } = event
      const retryAt = event.retryAt === null ? null : new Date(event.retryAt).toISOString()
      return { level: 'warn', type, key, cause, attempts, retryAt, ms, error } as const
    }
    case 'queue': {
      const { action: outcome, key, lane, cause } = event
      return SILENT.has(outcome) ? null : { level: levelOf(outcome), type: 'refresh', key, lane, cause, outcome }
    }
    case 'process': {
      const { type, name, outcome, costMs: ms, error } = event
      return SILENT.has(outcome) ? null : { level: levelOf(outcome), type, name, outcome, ms, error }
    }
    case 'write': {
      const { type, action: outcome, id, updater, code, error } = event
      return SILENT.has(outcome) ? null : { level: levelOf(outcome), type, id, updater, outcome, code, error }
    }
    case 'replica': {
      const { type, name, outcome, id, lag, costMs: ms, error } = event
      return outcome === 'applied' ? null : { level: levelOf(outcome), type, name, outcome, id, lag, ms, error }
    }
    default:
      return null
  }
}
