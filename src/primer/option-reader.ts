import { KckError } from '../errors.ts'
import { didYouMean } from '../text/nearest.ts'
import { parseDuration } from './duration.ts'

/**
 * Reads the options of a definition, wherever they were written, and refuses what is not one: a misspelt option that is
 * silently ignored is found in production. Throws `INVALID_DEFINITION` beginning with `where`.
 */
export class OptionReader {
  private readonly where: string
  private readonly options: Readonly<Record<string, unknown>>

  constructor(where: string, options: unknown, known: readonly string[]) {
    this.where = where
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      throw this.error('options must be an object')
    }
    for (const name of Object.keys(options)) {
      if (!known.includes(name)) throw this.error(`unknown option "${name}"${didYouMean(name, known)}`)
    }
    this.options = options as Readonly<Record<string, unknown>>
  }

  error(message: string, cause?: unknown): KckError {
    return new KckError('INVALID_DEFINITION', `${this.where}: ${message}`, { cause })
  }

  /** Where an inner object stands, for a reader of it. */
  label(name: string): string {
    return `${this.where}: ${name}`
  }

  has(name: string): boolean {
    return this.options[name] !== undefined
  }

  value(name: string): unknown {
    return this.options[name]
  }

  text(name: string): string | null {
    return this.read(name, 'must be text, and not empty', (value) => typeof value === 'string' && value.trim() !== '')
  }

  boolean(name: string): boolean | null {
    return this.read(name, 'must be true or false', (value) => typeof value === 'boolean')
  }

  texts(name: string): readonly string[] {
    const isList = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')
    return this.read(name, 'must be a list of texts', isList) ?? []
  }

  /** A function, typed by whoever declared the option. */
  call<T>(name: string): T | null {
    return this.read(name, 'must be a function', (value) => typeof value === 'function')
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T | null {
    return this.read(name, `must be ${values.join(', ')}`, (value) => values.includes(value as T))
  }

  milliseconds(name: string): number | null {
    const value = this.options[name]
    if (value === undefined) return null
    const ms = parseDuration(value)
    if (typeof ms === 'string') throw this.error(`${name} ${ms}`)
    return ms
  }

  /** An object of functions with these names. */
  calls<T extends object>(name: string, known: readonly string[]): T {
    const value = this.options[name]
    if (value === undefined) return {} as T
    const reader = new OptionReader(this.label(name), value, known)
    for (const hook of known) reader.call(hook)
    return value as T
  }

  private read<T>(name: string, rule: string, accept: (value: unknown) => boolean): T | null {
    const value = this.options[name]
    if (value === undefined) return null
    if (!accept(value)) throw this.error(`${name} ${rule}`)
    return value as T
  }
}
