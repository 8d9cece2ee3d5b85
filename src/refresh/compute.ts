import type { JsonValue } from '../entry/json.ts'
import { KckError } from '../errors.ts'
import type { Answer } from '../fetch/answer.ts'
import type { FetchRequest } from '../kck/kck.ts'
import type { Source, SqlValues } from '../ports/source.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { SqlStatement } from '../sql/statement.ts'
import { chooseSource, computeContext, type Reader, shapeResult } from './context.ts'
import { cycle } from './flights.ts'
import { primerNode, productNode, READERS } from './recorder.ts'
import type { ComputeRun } from './run.ts'
import { type KnownNodes, tableNodes } from './tables.ts'

export interface ComputeDeps {
  readonly registry: Registry
  readonly sources: ReadonlyMap<string, Source>
  readonly known: KnownNodes
  readonly parseStatement: (text: string) => SqlStatement
  /** Reads upstream products; `parent` is the key whose compute will be kept. */
  readonly fetchMany: (
    products: readonly ProductKey[],
    request: FetchRequest,
    parent: string | undefined,
  ) => Promise<readonly (Answer | KckError)[]>
}

/** Runs a primer: its statement, its code, or both, with everything it reads recorded before it is read. */
export async function computeProduct(deps: ComputeDeps, product: ProductKey, run: ComputeRun): Promise<unknown> {
  const { primer, parameters } = product
  const reader = recordingReader(deps, product, run)
  const always = [primerNode(primer.name), ...primer.tags.map((tag) => `tag/${tag}`)]
  await run.recorder.willRead(always, run.signal)
  const rows = primer.statement
    ? shapeResult(await reader.query(primer.source, primer.statement, parameters as SqlValues), primer.result)
    : undefined
  if (!primer.compute) return rows
  return primer.compute(
    computeContext(reader, { rows, signal: run.signal, now: run.now, source: primer.source }),
    parameters,
  )
}

function recordingReader(deps: ComputeDeps, product: ProductKey, run: ComputeRun): Reader {
  const { registry, sources } = deps
  const { recorder, signal } = run
  const products = (keys: readonly ProductKey[]) => readProducts(deps, { product, run }, keys)
  return {
    parse: (key) => registry.parseKey(key),
    keyOf: (primer, parameters) => registry.keyOf(primer as AnyPrimer, parameters),
    product: async (key) => {
      const [value] = await products([key])
      return value as JsonValue
    },
    products,
    query: async (name, statement, values) => {
      const source = chooseSource(sources, name)
      const { nodes, columnSets } = tableNodes(source.name, statement, values)
      await deps.known.register(columnSets)
      await recorder.willRead(nodes, signal)
      const result = await source.query(statement, values, { signal, priority: run.priority })
      recorder.didQuery(result.rows.length)
      return result
    },
    statement: async (text) => deps.parseStatement(text),
    tag: (name) => recorder.willRead([`tag/${name}`], signal),
    remote: (name) => recorder.willRead([`remote/${name}`], signal),
  }
}

/** Upstream products, made fresh first. One that cannot be made fresh fails the compute: never a mix of old and new. */
async function readProducts(
  deps: ComputeDeps,
  at: { readonly product: ProductKey; readonly run: ComputeRun },
  keys: readonly ProductKey[],
): Promise<readonly JsonValue[]> {
  const { recorder, signal } = at.run
  const self = productNode(at.product.text)
  if (keys.some((key) => key.text === at.product.text)) throw cycle([at.product.text, at.product.text])
  await deps.known.register(keys.map((key) => [READERS, key.primer.name] as const))
  await recorder.willRead(
    keys.map((key) => productNode(key.text)),
    signal,
  )
  const request: FetchRequest = { maxStaleMs: 0, signal, deadline: Number.POSITIVE_INFINITY }
  const answers = await deps.fetchMany(keys, request, at.run.isUnstored ? undefined : at.product.text)
  return Promise.all(
    answers.map(async (answer) => {
      if (answer instanceof KckError) throw answer
      if (answer.value.ancestors.some((ancestor) => ancestor.node === self)) {
        throw cycle([at.product.text, answer.key, at.product.text])
      }
      recorder.didRead(productNode(answer.key), answer.value)
      return answer.body.value()
    }),
  )
}
