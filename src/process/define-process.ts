import type { JsonValue } from '../entry/json.ts'
import type { Marked } from '../kck/kck.ts'
import { NAME } from '../key/key.ts'
import type { SqlValues } from '../ports/source.ts'
import type { Duration } from '../primer/duration.ts'
import { OptionReader } from '../primer/option-reader.ts'
import { readSchedule } from '../primer/schedule.ts'
import type { Due } from './schedule.ts'

/** Something of the user's own that runs by itself, as the process worker runs it. */
export interface Process {
  readonly kind: 'process'
  readonly name: string
  readonly description: string | null
  readonly due: Due
  readonly overlap: 'skip' | 'queue'
  /** The source of its SQL; null: the only one. */
  readonly source: string | null
  readonly run: (context: ProcessContext) => unknown
  /** The file it was read from, relative to the project; null: made in code. */
  readonly file: string | null
}

export interface ProcessOptions {
  /** As in `import_rates`; same form as a primer's name. */
  readonly name: string
  readonly description?: string
  /** How often, counted from 1970: `'15m'`. Either this or `cron`. */
  readonly every?: Duration
  /** `'0 3 * * *'`: minute, hour, day of month, month, day of week; a sixth field in front counts seconds. */
  readonly cron?: string
  /** IANA name, for `cron`. @default 'UTC' */
  readonly timeZone?: string
  /** Times that pass while it runs: `skip` leaves them out, `queue` makes up for them by one more run. @default 'skip' */
  readonly overlap?: 'skip' | 'queue'
  /** The source of its SQL. Default: the only one. */
  readonly source?: string
  /**
   * Runs once per due time, whatever the number of processes; again for the same time when its process died. So what it
   * writes should be the same when it is written twice: `insert ... on conflict do update`.
   */
  run(context: ProcessContext): unknown
}

export interface ProcessContext {
  /** Milliseconds; the time for which it runs. */
  readonly due: number
  /** Milliseconds; when this run began. */
  readonly now: number
  /** Aborts when the process stops, or another one has taken over. Hand it to what waits: `fetch(url, { signal })`. */
  readonly signal: AbortSignal
  /** One statement in a transaction of its own; rows as objects. What it writes counts as a change. */
  sql<R = Record<string, JsonValue>>(text: string, values?: SqlValues, options?: SourceChoice): Promise<R[]>
  /** Several statements in one transaction: committed when `work` resolves, rolled back when it throws. */
  transaction<T>(work: (transaction: ProcessTransaction) => Promise<T>, options?: SourceChoice): Promise<T>
  /** For writes that went another way: marks stale what rests on a table, or only on these rows of it. */
  changed(change: ProcessChange): Promise<Marked>
  /** Marks stale what depends on one of the tags. */
  invalidateTags(tags: readonly string[]): Promise<Marked>
}

export interface ProcessTransaction {
  sql<R = Record<string, JsonValue>>(text: string, values?: SqlValues): Promise<R[]>
}

export interface SourceChoice {
  readonly source?: string
}

export interface ProcessChange extends SourceChoice {
  /** `rates` or `finance.rates`. */
  readonly table: string
  /** What stands in the changed rows, and what stood there before. Missing: any row may have changed. */
  readonly rows?: readonly Readonly<Record<string, unknown>>[]
}

const OPTIONS = [
  'name',
  'description',
  'every',
  'cron',
  'timeZone',
  'overlap',
  'source',
  'run',
] as const satisfies readonly (keyof ProcessOptions)[]

/** Defines something that runs by itself, to be exported from a file in `processes/`. Throws `INVALID_DEFINITION`. */
export function defineProcess(given: ProcessOptions): Process {
  const { name } = (given ?? {}) as { readonly name?: unknown }
  const options = new OptionReader(`process "${name}"`, given, OPTIONS)
  const readName = options.text('name') ?? ''
  if (!NAME.test(readName)) {
    throw options.error('name must be letters, digits, "_", "." or "-", beginning with a letter or "_"')
  }
  const schedule = readSchedule(options)
  if (schedule === null) throw options.error('needs every or cron: when is it to run?')
  const run = options.call<Process['run']>('run')
  if (run === null) throw options.error('needs run')
  return {
    kind: 'process',
    name: readName,
    description: options.text('description'),
    due: { everyMs: schedule.everyMs, cron: schedule.cron, timeZone: schedule.timeZone },
    overlap: options.oneOf('overlap', ['skip', 'queue']) ?? 'skip',
    source: options.text('source'),
    run,
    file: null,
  }
}
