import type { JsonValue } from '../../src/entry/json.ts'
import { string } from '../../src/key/string-types.ts'
import { createRegistry } from '../../src/primer/create-registry.ts'
import type { ComputeContext } from '../../src/primer/definition.ts'
import type { Registry } from '../../src/primer/registry.ts'
import { updater } from '../../src/updater/updater.ts'
import { testPrimer } from '../support/kck.ts'

export type Value = Readonly<Record<string, number>>
type Numbers = Record<string, number>
/** A counter of the truth, by `table/name`. */
type Read = (variable: string) => number

/** A product, as the simulation computes it and as the truth says it should be. */
export interface Product {
  /** What it rests on in the end. */
  readonly variables: (id: string) => readonly string[]
  readonly expected: (id: string, read: Read) => Value
  /** Parts that come from the same ancestor agree. */
  readonly agrees?: (value: Value) => boolean
  readonly compute: (context: ComputeContext, id: string) => Promise<Value>
  readonly softTtlMs?: number
  readonly hardTtlMs?: number
  /** From the value before and the writes since. */
  readonly augment?: (current: Value, writes: number) => Value
}

const read = async (context: ComputeContext, table: string, id: string) => {
  const [row] = await context.sql<{ n: number }>(`select n, name from ${table} where name = :name`, { name: id })
  return { n: row?.n ?? -1 }
}
const get = async (context: ComputeContext, key: string) => (await context.get(key)) as Value
const n = (value: Value) => value['n'] as number

/** Reads nothing but one table, by a statement that says which row. */
function base(table: string, more: Partial<Product> = {}): Product {
  return {
    variables: (id) => [`${table}/${id}`],
    expected: (id, truth) => ({ n: truth(`${table}/${id}`) }),
    compute: (context, id) => read(context, table, id),
    ...more,
  }
}

export const SOFT_TTL_MS = 8_000
export const HARD_TTL_MS = 20_000

/** Changes of `truth` come through an updater; of `hidden`, by hand or by nobody, as the name of the row says. */
const PRODUCTS: Readonly<Record<string, Product>> = {
  leaf: base('truth'),
  /** Announced by a tag. */
  tagged: {
    variables: (id) => [`hidden/tag-${id}`],
    expected: (id, truth) => ({ n: truth(`hidden/tag-${id}`) }),
    compute: async (context, id) => {
      await context.tag(`tag-${id}`)
      return read(context, 'hidden', `tag-${id}`)
    },
  },
  /** Announced by invalidating, purging or setting the key itself. */
  plain: {
    variables: (id) => [`hidden/plain-${id}`],
    expected: (id, truth) => ({ n: truth(`hidden/plain-${id}`) }),
    compute: (context, id) => read(context, 'hidden', `plain-${id}`),
  },
  /** Announced by nobody. */
  soft: {
    variables: (id) => [`hidden/soft-${id}`],
    expected: (id, truth) => ({ n: truth(`hidden/soft-${id}`) }),
    compute: (context, id) => read(context, 'hidden', `soft-${id}`),
    softTtlMs: SOFT_TTL_MS,
  },
  hard: base('flaky', { softTtlMs: 5_000, hardTtlMs: HARD_TTL_MS }),
  half: {
    variables: (id) => [`truth/${id}`],
    expected: (id, truth) => ({ n: Math.floor(truth(`truth/${id}`) / 2) }),
    compute: async (context, id) => ({ n: Math.floor(n(await get(context, `leaf/${id}`)) / 2) }),
  },
  left: {
    variables: (id) => [`truth/${id}`],
    expected: (id, truth) => ({ n: truth(`truth/${id}`) }),
    compute: async (context, id) => ({ n: n(await get(context, `leaf/${id}`)) }),
  },
  right: {
    variables: (id) => [`truth/${id}`],
    expected: (id, truth) => ({ n: truth(`truth/${id}`) }),
    compute: async (context, id) => ({ n: n(await get(context, `leaf/${id}`)) }),
  },
  top: {
    variables: (id) => [`truth/${id}`],
    expected: (id, truth) => ({ l: truth(`truth/${id}`), r: truth(`truth/${id}`) }),
    agrees: (value) => value['l'] === value['r'],
    compute: async (context, id) => ({
      l: n(await get(context, `left/${id}`)),
      r: n(await get(context, `right/${id}`)),
    }),
  },
  /** Reads one ancestor itself and through another. */
  over: {
    variables: (id) => [`hidden/plain-${id}`, `truth/${id}`],
    expected: (id, truth) => over(truth(`hidden/plain-${id}`), truth(`truth/${id}`)),
    agrees: (value) => value['p'] === value['q'],
    compute: async (context, id) => {
      const [mix, plain] = (await Promise.all([get(context, `mix/${id}`), get(context, `plain/${id}`)])) as [
        Value,
        Value,
      ]
      return { p: n(plain), q: mix['p'] as number, l: mix['l'] as number }
    },
  },
  mix: {
    variables: (id) => [`hidden/plain-${id}`, `truth/${id}`],
    expected: (id, truth) => ({ p: truth(`hidden/plain-${id}`), l: truth(`truth/${id}`) }),
    compute: async (context, id) => ({
      p: n(await get(context, `plain/${id}`)),
      l: n(await get(context, `leaf/${id}`)),
    }),
  },
  deep: {
    variables: (id) => [`truth/${id}`, `hidden/tag-${id}`],
    expected: (id, truth) => deep(truth(`truth/${id}`), truth(`hidden/tag-${id}`)),
    agrees: (value) => value['l'] === value['r'] && value['h'] === Math.floor((value['l'] as number) / 2),
    compute: async (context, id) => {
      const top = await get(context, `top/${id}`)
      const half = n(await get(context, `half/${id}`))
      const tagged = n(await get(context, `tagged/${id}`))
      return { ...(top as Numbers), h: half, t: tagged }
    },
  },
  /** Reads what changed itself, and, by a long way that no version tells of, what rests on it. */
  wide: {
    variables: (id) => [`truth/${id}`, `hidden/tag-${id}`],
    expected: (id, truth) => ({ n: truth(`truth/${id}`), t: truth(`hidden/tag-${id}`), l: truth(`truth/${id}`) }),
    compute: async (context, id) => {
      const { n: now } = await read(context, 'truth', id)
      const below = await get(context, `deep/${id}`)
      return { n: now, t: below['t'] as number, l: below['l'] as number }
    },
  },
  tip: {
    variables: (id) => [`truth/${id}`, `hidden/tag-${id}`],
    expected: (id, truth) => ({ n: truth(`truth/${id}`), t: truth(`hidden/tag-${id}`), l: truth(`truth/${id}`) }),
    compute: async (context, id) => {
      const { n: now, t, l } = (await get(context, `wide/${id}`)) as Numbers
      return { n: now as number, t: t as number, l: l as number }
    },
  },
  /** Reads one of two, as a third says: what it no longer reads must not be forgotten too early. */
  either: {
    variables: (id) => [`truth/${id}`, `hidden/plain-${id}`, `hidden/tag-${id}`],
    expected: (id, truth) => {
      const leaf = truth(`truth/${id}`)
      return leaf % 2 === 0 ? { n: leaf, p: truth(`hidden/plain-${id}`) } : { n: leaf, t: truth(`hidden/tag-${id}`) }
    },
    compute: async (context, id) => {
      const leaf = n(await get(context, `leaf/${id}`))
      if (leaf % 2 === 0) return { n: leaf, p: n(await get(context, `plain/${id}`)) }
      return { n: leaf, t: n(await get(context, `tagged/${id}`)) }
    },
  },
  /** Counts writes one by one: one that is missed, or counted twice, shows for ever. */
  tally: base('truth', { augment: (current, writes) => ({ n: n(current) + writes }) }),
  /** Rests on what changes by age only. */
  softly: {
    variables: (id) => [`hidden/soft-${id}`],
    expected: (id, truth) => ({ n: truth(`hidden/soft-${id}`) }),
    compute: async (context, id) => ({ n: n(await get(context, `soft/${id}`)) }),
  },
}

/** Each schedule has one of them, so that much happens to few keys. */
export const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  diamond: ['leaf', 'left', 'right', 'top'],
  sides: ['leaf', 'half', 'tagged', 'deep', 'top'],
  hand: ['plain', 'leaf', 'mix', 'over'],
  long: ['tagged', 'deep', 'wide', 'tip'],
  age: ['soft', 'softly', 'hard', 'half'],
  either: ['either', 'plain', 'tagged', 'leaf'],
  counted: ['tally', 'leaf'],
}
/** Those of a scenario that names none. */
export const USUAL_FAMILIES = Object.keys(FAMILIES).filter((name) => name !== 'counted')

function over(plain: number, leaf: number): Value {
  return { p: plain, q: plain, l: leaf }
}

function deep(leaf: number, tag: number): Value {
  return { l: leaf, r: leaf, h: Math.floor(leaf / 2), t: tag }
}

export function productOf(key: string): { readonly product: Product; readonly name: string; readonly id: string } {
  const [name = '', id = ''] = key.split('/')
  return { product: PRODUCTS[name] as Product, name, id }
}

/** What the truth says of a key, with every counter as `truth` reads it. */
export function expectedOf(key: string, truth: Read): Value {
  const { product, id } = productOf(key)
  return product.expected(id, truth)
}

/** No part is older than the other's. Values that took another way because they are newer need not have all parts. */
export function contains(value: Value, floor: Value): boolean {
  const isOtherWay = (value['n'] ?? 0) > (floor['n'] ?? 0)
  return Object.keys(floor).every(
    (part) => (value[part] ?? (isOtherWay ? Number.POSITIVE_INFINITY : -1)) >= (floor[part] as number),
  )
}

export function isSame(value: JsonValue, expected: Value): boolean {
  return JSON.stringify(value) === JSON.stringify(expected)
}

const WRITE = {
  key: { name: string() },
  source: 'shop',
  update: 'update truth set n = n + 1 where name = :name returning n, name',
}
const UPDATERS = [
  updater({ name: 'write', ...WRITE }),
  /** Says what it changes to a product that can augment. */
  updater({ name: 'count', ...WRITE, changes: ['tally/:name'] }),
]

/** Runs a compute of a product as one process does. */
export type Around = (key: string, context: ComputeContext, compute: () => Promise<Value>) => Promise<Value>

export function registryFor(around: Around): Registry {
  const primers = Object.entries(PRODUCTS).map(([name, product]) =>
    testPrimer({
      name,
      source: 'shop',
      softTtlMs: product.softTtlMs ?? null,
      hardTtlMs: product.hardTtlMs ?? null,
      augment: augmentOf(product),
      compute: (context, { id }) => around(`${name}/${id}`, context, () => product.compute(context, String(id))),
    }),
  )
  return createRegistry({ primers, updaters: UPDATERS })
}

function augmentOf({ augment }: Product) {
  return augment
    ? (current: unknown, { changes }: { readonly changes: readonly unknown[] }) =>
        augment(current as Value, changes.length)
    : null
}
