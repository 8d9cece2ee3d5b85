import type { JsonValue } from '../entry/json.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Updated, UpdateRequest } from '../kck/kck.ts'
import type { KckOptions } from '../kck/options.ts'
import { openScope } from '../kck/scope.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Source, SourceTransaction, SqlValues } from '../ports/source.ts'
import type { Change } from '../primer/definition.ts'
import { runAfter, runBefore } from '../primer/hooks.ts'
import type { ProductKey, Registry, UpdaterKey } from '../primer/registry.ts'
import { asObjects, chooseSource } from '../refresh/context.ts'
import { statementOf } from '../sql/parse.ts'
import { chooseStatement, validateBody } from '../updater/body.ts'

export interface UpdateDeps {
  readonly registry: Registry
  readonly sources: ReadonlyMap<string, Source>
  readonly clock: Clock
  readonly entropy: Entropy
  readonly options: KckOptions
  /** Marks what the write named, and all that rests on it; returns the keys marked. */
  readonly changed: (
    products: readonly ProductKey[],
    cause: { readonly id: string; readonly text: string },
  ) => Promise<readonly string[]>
}

/** Rows of `returning` that the answer shows, and keys that it lists. */
const SHOWN = 100

/**
 * One write: validate, run its SQL in one transaction, mark what it changed. The answer comes after the marks: a
 * caller that has it never reads a product that still counts as fresh without the write.
 */
export async function runUpdate(
  deps: UpdateDeps,
  text: string,
  rawBody: unknown,
  request: UpdateRequest,
): Promise<Updated> {
  const { clock, options, registry } = deps
  const target = registry.parseUpdaterKey(text)
  const { updater } = target
  const body = validateBody(updater, rawBody)
  const startedAt = clock.now()
  const event = { updater: updater.name, key: target.parameters ?? {}, body }
  const scope = openScope(clock, request.deadline ?? startedAt + options.deadlineMs, request.signal)
  try {
    await runBefore('beforeUpdate', updater.hooks.beforeUpdate, event)
    const written = await write(deps, target, body, scope.signal)
    const products = changedProducts(registry, target, { body, written })
    const id = deps.entropy.id()
    const marked = await deps.changed(products, { id, text: `update ${text}` })
    emit({ type: 'update', updater: updater.name, costMs: clock.now() - startedAt, changed: marked.length })
    await runAfter('afterUpdate', updater.hooks.afterUpdate, event)
    return {
      updater: updater.name,
      mode: written.mode,
      rowCount: written.rowCount,
      rows: written.rows.slice(0, SHOWN),
      changed: marked.slice(0, SHOWN),
      changedCount: marked.length,
    }
  } finally {
    scope.end()
  }
}

interface Written {
  readonly mode: 'insert' | 'update'
  readonly rowCount: number
  readonly rows: readonly Readonly<Record<string, JsonValue>>[]
  /** Keys that code named. */
  readonly named: readonly Change[]
}

async function write(
  deps: UpdateDeps,
  target: UpdaterKey,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Written> {
  const { updater } = target
  const source = chooseSource(deps.sources, updater.source)
  const key = target.parameters ?? {}
  const run = updater.run
  const { mode, statement } = chooseStatement(updater, { key: target.parameters, body })
  return source.transaction(
    async (transaction) => {
      if (run) return runCode(transaction, { key, body, signal, run, mode })
      if (!statement) throw new KckError('METHOD_NOT_ALLOWED', `${updater.name} cannot ${mode}`)
      const result = await transaction.query(statement, { ...body, ...key } as SqlValues)
      const missing = mode === 'update' && result.rowCount === 0
      if (missing) throw new KckError('NOT_FOUND', `${updater.name} found no row to update`)
      return { mode, rowCount: result.rowCount, rows: asObjects(result), named: [] }
    },
    { signal },
  )
}

async function runCode(
  transaction: SourceTransaction,
  call: {
    readonly key: Readonly<Record<string, unknown>>
    readonly body: Readonly<Record<string, unknown>>
    readonly signal: AbortSignal
    readonly run: NonNullable<UpdaterKey['updater']['run']>
    readonly mode: Written['mode']
  },
): Promise<Written> {
  const named: Change[] = []
  let rowCount = 0
  await call.run({
    key: call.key,
    body: call.body,
    signal: call.signal,
    sql: async <R>(text: string, values: SqlValues = {}) => {
      const result = await transaction.query(statementOf(text), values)
      rowCount += result.rowCount
      return asObjects(result) as R[]
    },
    changed: (change) => named.push(change),
  })
  return { mode: call.mode, rowCount, rows: [], named }
}

// A returned row says best which products a write touched; without one, the URL and the body do.
function changedProducts(
  registry: Registry,
  target: UpdaterKey,
  done: { readonly body: Readonly<Record<string, unknown>>; readonly written: Written },
): readonly ProductKey[] {
  const { updater, parameters } = target
  const named = done.written.named.map((change) => registry.parseKey(change.key))
  const base = { ...done.body, ...parameters }
  const rows = done.written.rows.length > 0 ? done.written.rows : [{}]
  return [
    ...named,
    ...rows.flatMap((row) => registry.changedBy(updater, { ...base, ...row, ...parameters }, target.segments)),
  ]
}
