import type { Json, JsonValue } from '../entry/json.ts'
import { NAME, PARAMETER_NAME } from '../key/key.ts'
import type { ParametersOf, ParameterTypes } from '../key/parameter.ts'
import { parseTemplate } from '../key/template.ts'
import { parseStatement } from '../sql/parse.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { usageOf } from '../sql/usage.ts'
import { readAccess } from './access.ts'
import type { Access, AnyPrimer, ComputeContext, Delta, Primer, PrimerHooks, ResultShape } from './definition.ts'
import type { Duration } from './duration.ts'
import { standardJsonPath } from './json-path.ts'
import { OptionReader } from './option-reader.ts'
import { revisionOf } from './revision.ts'
import { readSchedule } from './schedule.ts'

export interface PrimerOptions<P extends ParameterTypes, V> {
  /** First segment of its keys: a letter or `_`, then letters, digits, `_`, `.`, `-`; at most 128. */
  readonly name: string
  readonly description?: string
  /** In the order in which they stand in a key. Default: none. */
  readonly parameters?: P
  /** The source `sql` runs on. Default: the only one. */
  readonly source?: string
  /** One query with `:name` for parameters. Its shaped result is the value, or `rows` of `compute`'s context. */
  readonly sql?: string
  /** The same, already parsed. */
  readonly statement?: SqlStatement
  /** `dicts` (default): rows as objects; `rows`: as arrays; `row`: the first as an object or null; `value`: its first column or null. */
  readonly result?: ResultShape['as']
  /** JSONPath (RFC 9535) whose first match in that is the result, null where nothing matches. */
  readonly jsonpathFirst?: string
  /** From when on it is stale. Default: only a change makes it stale. */
  readonly softTtl?: Duration
  /** From when on it is not served any more; at least `softTtl`. Default: no limit. */
  readonly hardTtl?: Duration
  /** Compute when missed. Default: as the deployment says. */
  readonly primeOnMiss?: boolean
  /** What a compute may take. Default: as the deployment says. */
  readonly timeout?: Duration
  /** Who may read it. Default: as the deployment says. */
  readonly access?: Access
  /** Updaters after which it is stale: `order_status/:customer_id`. */
  readonly afterUpdates?: readonly string[]
  /** Products after whose computes it is stale: `customer_orders/:customer_id`. */
  readonly afterPrimes?: readonly string[]
  readonly tags?: readonly string[]
  /** Compute at this interval. */
  readonly every?: Duration
  /** Compute at these times. */
  readonly cron?: string
  /** IANA name for `cron`. Default UTC. */
  readonly timeZone?: string
  /** Key of a product whose value lists the parameters to keep warm: `[{ "customer_id": 1 }, ...]`. */
  readonly over?: string
  /** Compute at every start or deployment. */
  readonly atBoot?: boolean
  /** Without a read for this long it is refreshed on demand only. Default: never idle. */
  readonly idleAfter?: Duration
  /** Wait until nothing has changed for this long before a refresh: many changes then cost one. Default: at once. */
  readonly debounce?: Duration
  /** But no longer than this after the first change. Default: five times `debounce`. */
  readonly maxDelay?: Duration
  /** Keep all of its values on every machine. */
  readonly replicate?: boolean
  readonly hooks?: PrimerHooks
  /** Change it when code that `compute` calls in other files gives other values; see `revision.ts`. */
  readonly revision?: string
  compute?(context: ComputeContext, parameters: ParametersOf<P>): V | Promise<V>
  augment?(current: Json<NoInfer<V>>, delta: Delta, parameters: ParametersOf<P>): V | undefined | Promise<V | undefined>
}

/** Where a definition was written, for messages. */
export interface Origin {
  readonly file: string | null
  /** The line that its SQL begins on. */
  readonly sqlLine?: number
}

const OPTIONS = [
  'name',
  'description',
  'parameters',
  'source',
  'sql',
  'statement',
  'result',
  'jsonpathFirst',
  'softTtl',
  'hardTtl',
  'primeOnMiss',
  'timeout',
  'access',
  'afterUpdates',
  'afterPrimes',
  'tags',
  'every',
  'cron',
  'timeZone',
  'over',
  'atBoot',
  'idleAfter',
  'debounce',
  'maxDelay',
  'replicate',
  'hooks',
  'revision',
  'compute',
  'augment',
] as const satisfies readonly (keyof PrimerOptions<ParameterTypes, unknown>)[]

const HOOKS = [
  'beforePrime',
  'afterPrime',
  'beforeSet',
  'afterSet',
  'beforeRefresh',
  'afterRefresh',
  'beforePurge',
  'afterPurge',
] as const satisfies readonly (keyof PrimerHooks)[]

/**
 * Defines a data product. Throws `INVALID_DEFINITION`, saying what to change.
 *
 * The type of its value is that of `compute`; for a primer with SQL only it is `JsonValue` (`kck types` writes the row
 * types of `.sql` files).
 */
export function primer<const P extends ParameterTypes = Record<never, never>, V = JsonValue>(
  options: PrimerOptions<P, V>,
): Primer<P, V> {
  return definePrimer(options, { file: null })
}

/** `primer` for definitions from files, whose options nobody has typed. */
export function definePrimer(raw: unknown, origin: Origin): AnyPrimer {
  const { name } = (raw ?? {}) as { readonly name?: unknown }
  const options = new OptionReader(`${origin.file === null ? '' : `${origin.file}: `}primer "${name}"`, raw, OPTIONS)
  const parameters = readParameters(options)
  const statement = readStatement(options, parameters, origin)
  const compute = options.call<NonNullable<AnyPrimer['compute']>>('compute')
  if (statement === null && compute === null) throw options.error('needs sql, compute or both')

  const primer: Omit<AnyPrimer, 'revision'> = {
    kind: 'primer',
    name: readName(options),
    description: options.text('description'),
    parameters,
    source: options.text('source'),
    statement,
    result: {
      as: options.oneOf('result', ['dicts', 'rows', 'row', 'value']) ?? 'dicts',
      jsonpathFirst: readPath(options),
    },
    compute,
    augment: options.call('augment'),
    softTtlMs: options.milliseconds('softTtl'),
    hardTtlMs: options.milliseconds('hardTtl'),
    primeOnMiss: options.boolean('primeOnMiss'),
    timeoutMs: options.milliseconds('timeout'),
    access: readAccess(options),
    afterUpdates: readTemplates(options, 'afterUpdates'),
    afterPrimes: readTemplates(options, 'afterPrimes'),
    tags: options.texts('tags'),
    schedule: readSchedule(options),
    atBoot: options.boolean('atBoot') ?? false,
    idleAfterMs: options.milliseconds('idleAfter'),
    debounceMs: options.milliseconds('debounce'),
    maxDelayMs: options.milliseconds('maxDelay'),
    replicate: options.boolean('replicate') ?? false,
    hooks: options.calls('hooks', HOOKS),
    file: origin.file,
  }
  checkTogether(options, primer)
  return { ...primer, revision: revisionOf(primer, options.text('revision')) }
}

/** What no option says alone. */
function checkTogether(options: OptionReader, primer: Omit<AnyPrimer, 'revision'>): void {
  const { softTtlMs, hardTtlMs, statement } = primer
  if (softTtlMs !== null && hardTtlMs !== null && hardTtlMs < softTtlMs) {
    throw options.error('hardTtl must be at least softTtl')
  }
  checkDebounce(options, primer)
  if (statement === null && (options.has('result') || options.has('jsonpathFirst'))) {
    throw options.error('result and jsonpathFirst shape the result of sql: there is none')
  }
  const types: ParameterTypes = primer.parameters
  checkSchedule(options, primer, Object.keys(types)[0])
  const claimed = Object.keys(types).find((name) => types[name]?.claim !== undefined)
  if (claimed !== undefined && primer.access === 'public') {
    throw options.error(`is public, but its parameter "${claimed}" must equal a claim of a token`)
  }
  if (claimed !== undefined && primer.replicate) {
    const why = 'every machine would hold the values of all callers'
    throw options.error(`cannot be replicated: its parameter "${claimed}" is bound to a claim, and ${why}`)
  }
}

function checkDebounce(options: OptionReader, { debounceMs, maxDelayMs }: Omit<AnyPrimer, 'revision'>): void {
  if (maxDelayMs === null) return
  if (debounceMs === null) throw options.error('maxDelay is for debounce: there is none')
  if (maxDelayMs < debounceMs) throw options.error('maxDelay must be at least debounce')
}

function checkSchedule(
  options: OptionReader,
  { schedule, atBoot }: Omit<AnyPrimer, 'revision'>,
  firstParameter: string | undefined,
): void {
  const over = schedule?.over ?? null
  const runsByItself = atBoot || options.has('every') || options.has('cron')
  if (runsByItself && firstParameter !== undefined && over === null) {
    throw options.error(`computes by itself, but for which ${firstParameter}? Name a product that lists them: over`)
  }
  if (over !== null && firstParameter === undefined) throw options.error('over lists parameters, and it has none')
}

export function readName(options: OptionReader): string {
  const name = options.text('name')
  if (name === null) throw options.error('needs a name')
  if (name.includes('/')) throw options.error('a name has no "/": that separates it from the parameters in a key')
  if (!NAME.test(name))
    throw options.error('a name begins with a letter or _, then letters, digits, _ . -; at most 128')
  return name
}

/** A record of parameter types, for a key or a body. */
export function readParameters(options: OptionReader, option = 'parameters'): ParameterTypes {
  const parameters = options.value(option) ?? {}
  if (typeof parameters !== 'object' || Array.isArray(parameters)) {
    throw options.error(`${option} must be an object of types: { customer_id: int() }`)
  }
  for (const [name, type] of Object.entries(parameters as object)) {
    // `__proto__` cannot be set as a property like the others.
    if (!PARAMETER_NAME.test(name) || name === '__proto__') {
      throw options.error(`"${name}" is no parameter name: letters, digits and _, at most 63`)
    }
    if (typeof type?.parse !== 'function' || typeof type.format !== 'function' || typeof type.check !== 'function') {
      throw options.error(`${option}.${name} must be a type such as int() or string()`)
    }
  }
  return parameters as ParameterTypes
}

function readStatement(options: OptionReader, parameters: ParameterTypes, origin: Origin): SqlStatement | null {
  const sql = options.text('sql')
  const given = options.value('statement') as SqlStatement | undefined
  if (sql !== null && given !== undefined) throw options.error('has both sql and statement: keep one')
  const statement =
    given ??
    (sql === null
      ? null
      : parseStatement(sql, {
          types: sqlTypes(parameters),
          known: Object.keys(parameters),
          file: origin.file ?? `primer "${options.value('name')}"`,
          line: origin.sqlLine ?? 1,
        }))
  if (statement === null) return null
  const unbound = statement.names.find((name) => !Object.hasOwn(parameters, name))
  if (unbound !== undefined) throw options.error(`its SQL uses :${unbound}, which is no parameter`)
  const { opaque, writes } = usageOf(statement)
  if (opaque || writes.length > 0) throw options.error('its SQL must be a query: what writes is an updater')
  return statement
}

export function sqlTypes(parameters: ParameterTypes) {
  return Object.fromEntries(Object.entries(parameters).map(([name, type]) => [name, type.sqlType]))
}

function readPath(options: OptionReader): string | null {
  const path = options.text('jsonpathFirst')
  try {
    return path === null ? null : standardJsonPath(path)
  } catch (error) {
    throw options.error(`jsonpathFirst "${path}" is no JSONPath (RFC 9535): ${(error as Error).message}`, error)
  }
}

export function readTemplates(options: OptionReader, option: string): readonly string[] {
  const templates = options.texts(option)
  for (const template of templates) {
    try {
      parseTemplate(template)
    } catch (error) {
      throw options.error(`${option}: ${(error as Error).message}`, error)
    }
  }
  return templates
}
