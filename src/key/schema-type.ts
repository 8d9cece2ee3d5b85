import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { KckError } from '../errors.ts'
import type { SqlParameterType } from '../sql/statement.ts'
import type { ParameterType } from './parameter.ts'
import { described, type ParameterOptions } from './scalar-types.ts'
import { badParameter, keyTextFault } from './text.ts'

export interface SchemaOptions<T> extends ParameterOptions {
  /** The text of a value in a key. Default: the value itself when it is text, `String(value)` of a number, boolean or bigint. */
  readonly format?: (value: T) => string
  /** How SQL sees it. Default `text`. */
  readonly sqlType?: SqlParameterType
  /** TypeScript text of the value, for generated declarations. Default `unknown`. */
  readonly typescript?: string
}

/**
 * A user's own type, by any Standard Schema (zod, valibot, arktype, ...). The schema gets the decoded text of a key's
 * segment: `schema(z.coerce.number().min(1))`. Its output is the value; `format` writes it back, and a value is refused
 * unless reading what was written gives the same text again, so that one value has one key.
 */
export function schema<S extends StandardSchemaV1>(
  standardSchema: S,
  options: SchemaOptions<StandardSchemaV1.InferOutput<S>> = {},
): ParameterType<StandardSchemaV1.InferOutput<S>> {
  type Value = StandardSchemaV1.InferOutput<S>
  const format = (value: Value): string => (options.format ?? defaultFormat)(value)

  const parse = (text: string): Value => {
    const canonical = formatted(format, validated<Value>(standardSchema, text))
    const value = validated<Value>(standardSchema, canonical)
    if (formatted(format, value) !== canonical) {
      throw badParameter('cannot be a key: reading its text back gives another text')
    }
    return value
  }
  return {
    name: 'schema',
    sqlType: options.sqlType ?? 'text',
    typescript: options.typescript ?? 'unknown',
    ...described(options, jsonSchemaOf(standardSchema)),
    parse,
    format,
    // From the value's own text, so that the value is what a reader of the key gets too.
    check: (value) => parse(formatted(format, value as Value)),
    checkField: (value) => validated<Value>(standardSchema, value),
  }
}

function defaultFormat(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  throw badParameter('needs `format` in schema(..., { format }): its values are not text')
}

function formatted<T>(format: (value: T) => string, value: T): string {
  let text: string
  try {
    text = format(value)
  } catch (error) {
    // `format` is written for good values; that it throws for another one is how the value is found to be bad.
    throw error instanceof KckError
      ? error
      : new KckError('BAD_PARAMETER', 'is not a value of its type', { cause: error })
  }
  const normal = typeof text === 'string' && text.isWellFormed() ? text.normalize('NFC') : text
  const fault = typeof text === 'string' ? keyTextFault(normal) : 'has no text'
  if (fault !== null) throw badParameter(fault)
  return normal
}

/** The output of a schema for `input`. Its messages are shown to callers: the schema's author wrote them for that. */
export function validated<T>(standardSchema: StandardSchemaV1, input: unknown): T {
  const result = standardSchema['~standard'].validate(input)
  if (result instanceof Promise) {
    // Nobody waits for it: without a handler its failure would end the process.
    result.catch(() => undefined)
    throw new KckError('INVALID_DEFINITION', 'A schema of a parameter or body must answer at once, not with a promise')
  }
  if (result.issues === undefined) return result.value as T
  const messages = result.issues.slice(0, 5).map(issueText)
  throw badParameter(`is refused by its schema: ${messages.join('; ')}`)
}

function issueText(issue: StandardSchemaV1.Issue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
  return path ? `${path}: ${issue.message}` : issue.message
}

/** The schema's JSON Schema where its library can give one, else "anything". */
export function jsonSchemaOf(standardSchema: StandardSchemaV1): Readonly<Record<string, unknown>> {
  const props = standardSchema['~standard'] as Partial<StandardJSONSchemaV1.Props>
  try {
    const { $schema: _, ...jsonSchema } = props.jsonSchema?.input({ target: 'draft-2020-12' }) ?? {}
    return jsonSchema
  } catch {
    // Documentation only: a type that its library cannot describe (a date, a transform) still works.
    return {}
  }
}
