import type { Graph } from '../../src/operate/contract.ts'

/** More cannot be laid out in the time that somebody waits, nor looked through. */
const most = 150

/**
 * What lies within `depth` steps of a node, up or down; `around`: a product's name, percent-encoded, another node's id,
 * or empty for everything. At most 150 nodes, the nearest; `left` says how many are left out.
 */
export function neighbourhood(
  graph: Graph,
  around: string,
  depth: number,
): { readonly graph: Graph; readonly left: number } {
  const start = graph.nodes.find(
    ({ id, label, kind }) => id === around || (kind === 'product' && encodeURIComponent(label) === around),
  )
  const near = start ? within(graph, start.id, depth) : graph.nodes.map(({ id }) => id)
  const ids = new Set(near.slice(0, most))
  return {
    graph: {
      nodes: graph.nodes.filter(({ id }) => ids.has(id)),
      edges: graph.edges.filter(({ from, to }) => ids.has(from) && ids.has(to)),
    },
    left: near.length - ids.size,
  }
}

function within({ edges }: Graph, start: string, depth: number): readonly string[] {
  const walk = (step: (edge: Graph['edges'][number]) => readonly [string, string]) => {
    const next = Map.groupBy(edges.map(step), ([from]) => from)
    const found = new Set([start])
    let border = [start]
    for (let steps = 0; steps < depth; steps++) {
      border = border.flatMap((id) => next.get(id)?.map(([, to]) => to) ?? []).filter((id) => !found.has(id))
      for (const id of border) found.add(id)
    }
    return found
  }
  const down = walk(({ from, to }) => [from, to])
  const up = walk(({ from, to }) => [to, from])
  return [...new Set([...down, ...up])]
}
