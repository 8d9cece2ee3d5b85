import type { ParameterTypes } from '../key/parameter.ts'
import type { Updater } from '../updater/definition.ts'
import type { AnyPrimer } from './definition.ts'

export interface ProductType {
  readonly primer: AnyPrimer
  /** TypeScript text of its value. */
  readonly value: string
}

/** The text of a module with the types of these products and updaters, and `connect`, which gives a client of them. */
export function clientText(products: readonly ProductType[], updaters: readonly Updater[]): string {
  const values = products.map(({ value }) => value).join()
  const types = ['Json', 'JsonValue', 'Primer'].filter((name) =>
    name === 'JsonValue' ? /JsonValue|ValueOf/.test(values) : values.includes('ValueOf'),
  )
  return `// Written by "kck client" from the primers and updaters: run it again when they change.
${types.length === 0 ? '' : `import type { ${types.join(', ')} } from 'kck'\n`}import { type Client, type ClientOptions, createClient } from 'kck/client'

export interface Products {
${products.map(productText).join('\n')}
}

export interface Updaters {
${updaters.map(updaterText).join('\n')}
}

/** The API at \`options.url\`. */
export function connect(options: ClientOptions): Client<Products, Updaters> {
  return createClient(
    {
      products: ${orderText(products.map(({ primer }) => [primer.name, primer.parameters]))},
      updaters: ${orderText(updaters.map(({ name, key }) => [name, key]))},
    },
    options,
  )
}
${values.includes('ValueOf') ? '\ntype ValueOf<P> = P extends Primer<infer _, infer V> ? Json<V> : JsonValue\n' : ''}`
}

function productText({ primer, value }: ProductType): string {
  const parameters: ParameterTypes = primer.parameters
  const comment =
    primer.description === null ? '' : `  /** ${primer.description.replaceAll('*/', '* /').replace(/\s+/g, ' ')} */\n`
  return `${comment}  readonly ${nameText(primer.name)}: { readonly parameters: ${objectText(parameters)}; readonly value: ${value} }`
}

function updaterText({ name, key, body, optional }: Updater): string {
  const fields = '~standard' in body ? 'unknown' : objectText(body as ParameterTypes, optional)
  return `  readonly ${nameText(name)}: { readonly key: ${objectText(key)}; readonly body: ${fields} }`
}

function objectText(types: ParameterTypes, optional: readonly string[] = []): string {
  const members = Object.entries(types).map(
    ([name, { typescript }]) => `readonly ${nameText(name)}${optional.includes(name) ? '?' : ''}: ${typescript}`,
  )
  return members.length === 0 ? 'Readonly<Record<never, never>>' : `{ ${members.join('; ')} }`
}

function orderText(orders: readonly (readonly [string, ParameterTypes])[]): string {
  const members = orders.map(([name, types]) => `${nameText(name)}: ${JSON.stringify(Object.keys(types))}`)
  return `{ ${members.join(', ')} }`
}

function nameText(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)
}
