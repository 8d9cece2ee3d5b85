import { KckError } from '../errors.ts'
import { decodeSegment, NAME, PARAMETER_NAME } from './key.ts'

/** A key with names in place of values: `customer_orders/:customer_id`. */
export interface Template {
  readonly text: string
  readonly name: string
  readonly segments: readonly TemplateSegment[]
}

/** A `:name`, or a text that stands for itself (decoded). */
export type TemplateSegment = { readonly parameter: string } | { readonly literal: string }

/** Reads `name/:a/text`. Throws `INVALID_DEFINITION`. */
export function parseTemplate(text: string): Template {
  const [name = '', ...segments] = text.split('/')
  if (!NAME.test(name)) {
    throw new KckError('INVALID_DEFINITION', `"${text}" is no key template: write name/:parameter`)
  }
  return { text, name, segments: segments.map((segment, index) => parseSegment(text, segment, index + 1)) }
}

function parseSegment(text: string, segment: string, position: number): TemplateSegment {
  if (!segment.startsWith(':')) return { literal: decodeSegment(segment, position) }
  const parameter = segment.slice(1)
  if (PARAMETER_NAME.test(parameter)) return { parameter }
  throw new KckError('INVALID_DEFINITION', `"${text}" has ":${parameter}", which is no parameter name`)
}

/** The names in a template, each once. */
export function templateNames(template: Template): string[] {
  return [...new Set(template.segments.flatMap((segment) => ('parameter' in segment ? [segment.parameter] : [])))]
}

/**
 * The names a template gives to the texts of a key, by position; null when the counts differ, a literal segment is
 * another one, or a name would get two texts.
 */
export function matchTemplate(template: Template, texts: readonly string[]): ReadonlyMap<string, string> | null {
  if (template.segments.length !== texts.length) return null
  const bound = new Map<string, string>()
  for (const [index, segment] of template.segments.entries()) {
    const text = texts[index] ?? ''
    if ('literal' in segment) {
      if (segment.literal !== text) return null
      continue
    }
    if ((bound.get(segment.parameter) ?? text) !== text) return null
    bound.set(segment.parameter, text)
  }
  return bound
}
