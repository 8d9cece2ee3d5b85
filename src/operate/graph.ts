import { concurrently } from '../async/concurrently.ts'
import type { Source } from '../ports/source.ts'
import type { Store } from '../ports/store.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { Registry } from '../primer/registry.ts'
import { chooseSource } from '../refresh/context.ts'
import { isProduct, keyOfDependent, keyOfProduct, primerNode } from '../refresh/recorder.ts'
import { tableChanges, tableNodes } from '../refresh/tables.ts'
import type { SqlStatement } from '../sql/statement.ts'
import type { Updater } from '../updater/definition.ts'
import type { Graph, GraphEdge, GraphNode } from './contract.ts'

/** Keys of a primer whose captured inputs are looked at. */
const SAMPLE = 20
const AT_ONCE = 8

export interface GraphDeps {
  readonly registry: Registry
  readonly store: Store
  readonly sources: ReadonlyMap<string, Source>
}

/** The graph as definitions declare it and as the newest computes of some keys of each primer captured it. */
export async function graphOf({ registry, store, sources }: GraphDeps, signal?: AbortSignal): Promise<Graph> {
  const edges = new Map<string, GraphEdge>()
  const add = (from: string, to: string, how: GraphEdge['how']) => {
    const id = `${from} ${to}`
    if (edges.get(id)?.how !== 'declared') edges.set(id, { from, to, how })
  }
  for (const primer of registry.primers.values()) readEdges(primer, sources, add)
  for (const updater of registry.updaters.values()) writeEdges(updater, sources, add)
  await concurrently([...registry.primers.values()], AT_ONCE, async (primer) => {
    for (const node of await capturedNodes(store, primer, signal)) {
      add(definitionOf(node), `product/${primer.name}`, 'captured')
    }
  })
  const ids = new Set([...registry.primers.keys()].map((name) => `product/${name}`))
  for (const name of registry.updaters.keys()) ids.add(`updater/${name}`)
  for (const { from, to } of edges.values()) ids.add(from).add(to)
  return { nodes: [...ids].map(nodeOf), edges: [...edges.values()] }
}

type Add = (from: string, to: string, how: GraphEdge['how']) => void

function readEdges(primer: AnyPrimer, sources: GraphDeps['sources'], add: Add): void {
  const self = `product/${primer.name}`
  if (primer.statement) {
    const { nodes } = tableNodes(chooseSource(sources, primer.source).name, primer.statement, {})
    for (const node of nodes) add(definitionOf(node), self, 'declared')
  }
  for (const template of primer.afterUpdates) add(`updater/${template.split('/', 1)[0]}`, self, 'declared')
  for (const template of primer.afterPrimes) add(productOf(template), self, 'declared')
  for (const tag of primer.tags) add(`tag/${tag}`, self, 'declared')
}

function writeEdges(updater: Updater, sources: GraphDeps['sources'], add: Add): void {
  const self = `updater/${updater.name}`
  for (const template of updater.changes) add(self, productOf(template), 'declared')
  for (const statement of [updater.update, updater.insert]) {
    for (const table of statement ? tablesWritten(statement, updater.source, sources) : []) add(self, table, 'declared')
  }
}

function tablesWritten(statement: SqlStatement, source: string | null, sources: GraphDeps['sources']): string[] {
  const changes = tableChanges(chooseSource(sources, source).name, statement, {}, [])
  return changes.map((change) => `table/${change.source}/${change.table}`)
}

async function capturedNodes(store: Store, primer: AnyPrimer, signal?: AbortSignal): Promise<readonly string[]> {
  const call = signal ? { signal } : {}
  const { keys } = await store.lineage.dependents(primerNode(primer.name), { limit: SAMPLE }, call)
  const names = [...new Set(keys.map(keyOfDependent))]
  const entries = names.length === 0 ? [] : await store.entries.getMany(names, call)
  const nodes = entries.flatMap(({ row }) => row?.value?.inputs.map(({ node }) => node) ?? [])
  return [...new Set(nodes)].filter((node) => !node.startsWith('primer/'))
}

/** `product/order/7` -> `product/order`; `table/shop/orders?id=7` -> `table/shop/orders`. */
function definitionOf(node: string): string {
  if (isProduct(node)) return productOf(keyOfProduct(node))
  const rows = node.indexOf('?')
  return rows === -1 ? node : node.slice(0, rows)
}

function productOf(keyOrTemplate: string): string {
  return `product/${keyOrTemplate.split('/', 1)[0]}`
}

function nodeOf(id: string): GraphNode {
  const slash = id.indexOf('/')
  return { id, kind: id.slice(0, slash) as GraphNode['kind'], label: id.slice(slash + 1) }
}
