import type { Input, Materialization } from '../entry/entry.ts'
import type { Entropy } from '../ports/clock.ts'
import type { Lineage } from '../ports/lineage.ts'

/**
 * Records what one compute reads. The edge node -> product is in the lineage *before* the node is read, so no change
 * of the node can slip between. Each edge has an id of its own, so that taking away the edges of an older compute can
 * never take away those of a newer one; a node that was read last time too keeps its edge and costs no write.
 */
export class Recorder {
  readonly #key: string
  readonly #deps: RecorderDeps
  readonly #before: ReadonlyMap<string, Input>
  readonly #inputs = new Map<string, Input>()
  #rows = 0
  /** What each product that was read rests on, itself among it. */
  readonly #restsOn = new Map<string, readonly Input[]>()

  constructor(key: string, before: Materialization | null, deps: RecorderDeps) {
    this.#key = key
    this.#deps = deps
    this.#before = new Map(before?.inputs.map((input) => [input.node, input]))
  }

  /** To be awaited before the nodes are read. */
  async willRead(nodes: readonly string[], signal: AbortSignal): Promise<void> {
    const unknown = new Map<string, string[]>()
    for (const node of nodes) {
      if (this.#inputs.has(node)) continue
      const edge = this.#before.get(node)?.edge ?? this.#deps.entropy.id()
      this.#inputs.set(node, { node, version: null, contentHash: null, edge })
      if (!this.#before.has(node)) unknown.set(edge, [node])
    }
    await Promise.all(
      [...unknown].map(([edge, [node]]) =>
        this.#deps.lineage.addEdges(dependent(this.#key, edge), node ? [node] : [], { signal }),
      ),
    )
  }

  /** A source gave that many rows. */
  didQuery(rows: number): void {
    this.#rows += rows
  }

  get rows(): number {
    return this.#rows
  }

  /** A product was read: this version of it, resting on those ancestors. */
  didRead(node: string, value: Materialization): void {
    const input = this.#inputs.get(node)
    if (!input) throw new Error(`${node} was read before it was recorded`)
    const read = { ...input, version: value.version, contentHash: value.contentHash }
    this.#inputs.set(node, read)
    this.#restsOn.set(node, [...value.ancestors, read])
  }

  /**
   * Direct inputs that rest on an older version of some ancestor than another input does, or whoever asks for this
   * compute has seen: a value made of both would be a mix of old and new.
   */
  get outdated(): readonly string[] {
    const { newest } = this
    return [...this.#restsOn].filter(([, ancestors]) => isBehind(ancestors, newest)).map(([node]) => node)
  }

  /** The newest version known of everything further up. */
  get newest(): Newest {
    return newestOf([...this.#restsOn.values(), [...(this.#deps.newest?.values() ?? [])]])
  }

  get inputs(): readonly Input[] {
    return [...this.#inputs.values()]
  }

  get ancestors(): readonly Input[] {
    return [...newestOf(this.#restsOn.values()).values()]
  }

  /** The edges of the value before that this one no longer needs; to be removed after the commit only. */
  get dropped(): readonly Input[] {
    return [...this.#before.values()].filter((input) => !this.#inputs.has(input.node))
  }
}

/** By node. */
export type Newest = ReadonlyMap<string, Input>

export interface RecorderDeps {
  readonly lineage: Lineage
  readonly entropy: Entropy
  /** Versions that whoever asks for the compute has seen. */
  readonly newest?: Newest | undefined
}

/** Whether some of these rest on less than the newest that is known. */
export function isBehind(ancestors: readonly Input[], newest: Newest): boolean {
  return ancestors.some(({ node, version }) => (version ?? 0) < (newest.get(node)?.version ?? 0))
}

/** The newest version of every node in these lists. */
export function newestOf(lists: Iterable<readonly Input[]>): Newest {
  const newest = new Map<string, Input>()
  for (const input of [...lists].flat()) {
    if ((newest.get(input.node)?.version ?? -1) < (input.version ?? 0)) newest.set(input.node, input)
  }
  return newest
}

/** How the lineage names a dependent: its key and the edge's id. A key holds no space. */
export function dependent(key: string, edge: string): string {
  return `${key} ${edge}`
}

export function keyOfDependent(text: string): string {
  return text.slice(0, text.indexOf(' '))
}

export function productNode(key: string): string {
  return `product/${key}`
}

export function isProduct(node: string): boolean {
  return node.startsWith('product/')
}

export function keyOfProduct(node: string): string {
  return node.slice('product/'.length)
}

/** Every key of a primer hangs below it: for changes that may concern any of them, and for listing. */
export function primerNode(name: string): string {
  return `primer/${name}`
}

/** Below it hang the keys whose last refresh failed; whoever lists them takes off what has recovered. */
export const FAILING = 'failing'

/** Below it hang the names of the primers that others read: what nobody reads need not be looked below. */
export const READERS = 'readers'
