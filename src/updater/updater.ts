import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonValue } from '../entry/json.ts'
import type { ParametersOf, ParameterTypes } from '../key/parameter.ts'
import { readAccess } from '../primer/access.ts'
import type { Access } from '../primer/definition.ts'
import { OptionReader } from '../primer/option-reader.ts'
import { type Origin, readName, readParameters, readTemplates, sqlTypes } from '../primer/primer.ts'
import { parseStatement } from '../sql/parse.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { usageOf } from '../sql/usage.ts'
import type { OverlayWrite, UpdateContext, Updater, UpdaterHooks } from './definition.ts'

export type UpdaterBody = ParameterTypes | StandardSchemaV1

/** What a body is after validation. */
export type BodyOf<B extends UpdaterBody> = B extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<B>
  : B extends ParameterTypes
    ? ParametersOf<B>
    : never

export interface UpdaterOptions<K extends ParameterTypes, B extends UpdaterBody> {
  /** First segment of `/update/{name}`; same form as a primer's name. */
  readonly name: string
  readonly description?: string
  /** What follows the name in the URL, in order. Default: nothing. */
  readonly key?: K
  /** The fields of the body, or a Standard Schema for the whole body. Default: none. */
  readonly body?: B
  /** Fields that may be missing; they are bound as null. */
  readonly optional?: readonly (keyof B & string)[]
  /** The source it writes to. Default: the only one. */
  readonly source?: string
  /** Runs for `PUT /update/{name}/{key}`; `:name` for parameters of the key and fields of the body. */
  readonly update?: string
  /** Runs for `POST /update/{name}`. */
  readonly insert?: string
  /** Product keys it changes, from the key, the returned row and the body: `customer_orders/:customer_id`. */
  readonly changes?: readonly string[]
  /** `cached`: every write over HTTP is answered when it is safe in the cache store. @default 'direct': if the caller prefers it */
  readonly mode?: 'direct' | 'cached'
  /**
   * Several waiting writes of one key become one: the `last`, or the body that a function makes of two. @default each is
   * applied
   */
  readonly coalesce?: 'last' | ((earlier: BodyOf<B>, later: BodyOf<B>) => BodyOf<B> | undefined)
  /** What a waiting write makes of the products that it names; see `Overlay`. @default they show it when it is applied */
  overlay?(
    value: JsonValue,
    write: Omit<OverlayWrite, 'key' | 'body'> & { readonly key: ParametersOf<K>; readonly body: BodyOf<B> },
  ): unknown
  /** Who may write. Default: as the deployment says. */
  readonly access?: Access
  readonly hooks?: UpdaterHooks
  /** A write in TypeScript, in place of `update` and `insert`, inside one transaction. */
  run?(context: RunContext<K, B>): unknown
}

export type RunContext<K extends ParameterTypes, B extends UpdaterBody> = Omit<UpdateContext, 'key' | 'body'> & {
  readonly key: ParametersOf<K>
  readonly body: BodyOf<B>
}

const OPTIONS = [
  'name',
  'description',
  'key',
  'body',
  'optional',
  'source',
  'update',
  'insert',
  'changes',
  'mode',
  'coalesce',
  'overlay',
  'access',
  'hooks',
  'run',
] as const satisfies readonly (keyof UpdaterOptions<ParameterTypes, ParameterTypes>)[]

/** Defines a write. Throws `INVALID_DEFINITION`, saying what to change. */
export function updater<
  const K extends ParameterTypes = Record<never, never>,
  const B extends UpdaterBody = Record<never, never>,
>(options: UpdaterOptions<K, B>): Updater {
  return defineUpdater(options, { file: null })
}

/** Where each statement of an updater was written. */
export interface UpdaterOrigin extends Origin {
  readonly updateLine?: number
  readonly insertLine?: number
  /** The original's rule: `update` when the body has this field. Then the URL only says which products change. */
  readonly chooseByField?: string
}

/** `updater` for definitions from files, whose options nobody has typed. */
export function defineUpdater(raw: unknown, origin: UpdaterOrigin): Updater {
  const { name } = (raw ?? {}) as { readonly name?: unknown }
  const options = new OptionReader(`${origin.file === null ? '' : `${origin.file}: `}updater "${name}"`, raw, OPTIONS)
  const key = readParameters(options, 'key')
  const body = readBody(options)
  const fields = isSchema(body) ? {} : body
  checkNames(options, key, fields)

  const statement = (option: 'update' | 'insert', line = 1): SqlStatement | null => {
    const sql = options.text(option)
    if (sql === null) return null
    const types = { ...fields, ...key }
    const parsed = parseStatement(sql, {
      types: sqlTypes(types),
      // The fields of a schema for the whole body are known to its author only.
      ...(isSchema(body) ? {} : { known: Object.keys(types) }),
      file: origin.file ?? `updater "${name}"`,
      line,
    })
    if (usageOf(parsed).opaque) throw options.error(`${option} must be an insert, update, delete, merge or select`)
    return parsed
  }

  const made: Updater = {
    kind: 'updater',
    name: readName(options),
    description: options.text('description'),
    key,
    body,
    optional: readOptional(options, fields),
    source: options.text('source'),
    update: statement('update', origin.updateLine),
    insert: statement('insert', origin.insertLine),
    choose: origin.chooseByField === undefined ? 'key' : { field: origin.chooseByField },
    run: options.call('run'),
    changes: readTemplates(options, 'changes'),
    mode: readMode(options),
    coalesce: options.value('coalesce') === 'last' ? 'last' : options.call('coalesce'),
    overlay: options.call('overlay'),
    access: readAccess(options),
    hooks: options.calls('hooks', ['beforeUpdate', 'afterUpdate']),
    file: origin.file,
  }
  checkWrites(options, made)
  return made
}

function readMode(options: OptionReader): Updater['mode'] {
  const mode = options.text('mode') ?? 'direct'
  if (mode === 'direct' || mode === 'cached') return mode
  throw options.error(`mode is "direct" or "cached", not "${mode}"`)
}

export function isSchema(body: UpdaterBody): body is StandardSchemaV1 {
  return '~standard' in body
}

function readBody(options: OptionReader): UpdaterBody {
  const body = options.value('body')
  if (typeof body === 'function' || (typeof body === 'object' && body !== null && '~standard' in body)) {
    return body as unknown as StandardSchemaV1
  }
  return readParameters(options, 'body')
}

function checkNames(options: OptionReader, key: ParameterTypes, fields: ParameterTypes): void {
  const twice = Object.keys(fields).find((field) => Object.hasOwn(key, field))
  if (twice !== undefined) throw options.error(`"${twice}" is in the key and in the body: keep one`)
}

function readOptional(options: OptionReader, fields: ParameterTypes): readonly string[] {
  const optional = options.texts('optional')
  const unknown = optional.find((field) => !Object.hasOwn(fields, field))
  if (unknown !== undefined) throw options.error(`optional names "${unknown}", which is no field of the body`)
  return optional
}

function checkWrites(options: OptionReader, made: Updater): void {
  if (made.run !== null && (made.update !== null || made.insert !== null)) {
    throw options.error('has run and SQL: keep one')
  }
  if (made.run === null && made.update === null && made.insert === null) {
    throw options.error('needs update, insert or run')
  }
  const keys = Object.keys(made.key)
  if (made.choose !== 'key') return
  if (made.update !== null && keys.length === 0) throw options.error('update needs a key: which row is it?')
  const stray = made.insert?.names.find((name) => keys.includes(name))
  if (stray !== undefined) throw options.error(`insert uses :${stray}, but only update has a key`)
}
