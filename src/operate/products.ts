import type { AnyPrimer, Schedule } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { nextDue } from '../process/schedule.ts'
import type { ProductActivity } from './activity.ts'

/** A primer as a list shows it. Times: milliseconds. */
export interface ListedProduct {
  readonly name: string
  readonly description: string | null
  readonly file: string | null
  readonly parameters: readonly string[]
  readonly softTtlMs: number | null
  readonly hardTtlMs: number | null
  readonly schedule: Schedule | null
  /** When it runs next; null: it has no schedule. */
  readonly nextDueAt: number | null
  readonly atBoot: boolean
  readonly replicate: boolean
  /** Since this process began, and those that share with it; null: nothing. */
  readonly activity: ProductActivity | null
}

export interface ProductPage {
  readonly products: readonly ListedProduct[]
  /** Of all that match. */
  readonly total: number
}

export interface ProductQuery {
  /** Text that name or description holds. */
  readonly search?: string
  readonly offset?: number
  /** @default 100 */
  readonly limit?: number
}

/** The products by name, as many as asked for. */
export function listProducts(
  registry: Registry,
  activity: Readonly<Record<string, ProductActivity>>,
  { search = '', offset = 0, limit = 100 }: ProductQuery,
  now: number,
): ProductPage {
  const wanted = search.toLowerCase()
  const holds = ({ name, description }: AnyPrimer) => `${name} ${description ?? ''}`.toLowerCase().includes(wanted)
  const found = [...registry.primers.values()].filter(holds).sort((a, b) => a.name.localeCompare(b.name))
  const products = found.slice(offset, offset + limit).map((primer) => ({
    name: primer.name,
    description: primer.description,
    file: primer.file,
    parameters: Object.keys(primer.parameters),
    softTtlMs: primer.softTtlMs,
    hardTtlMs: primer.hardTtlMs,
    schedule: primer.schedule,
    nextDueAt: primer.schedule ? nextDue(primer.schedule, now) : null,
    atBoot: primer.atBoot,
    replicate: primer.replicate,
    activity: activity[primer.name] ?? null,
  }))
  return { products, total: found.length }
}
