import type { Graph, GraphNode } from './contract.ts'

/** As a Mermaid flowchart. */
export function mermaidOf({ nodes, edges }: Graph): string {
  const names = new Map(nodes.map((node, index) => [node.id, `n${index}`]))
  const shape = ({ kind, label }: GraphNode) => {
    const text = JSON.stringify(label).replaceAll('\\"', '#quot;')
    if (kind === 'table') return `[(${text})]`
    return kind === 'product' ? `[${text}]` : `([${text}])`
  }
  return [
    'flowchart LR',
    ...nodes.map((node) => `  ${names.get(node.id)}${shape(node)}`),
    ...edges.map(({ from, to, how }) => `  ${names.get(from)} ${how === 'declared' ? '-->' : '-.->'} ${names.get(to)}`),
  ].join('\n')
}

/** As lines of text: each product with what it reads. */
export function textOf({ nodes, edges }: Graph): string {
  const lines = nodes
    .filter(({ kind }) => kind === 'product')
    .flatMap(({ id, label }) => {
      const inputs = edges
        .filter(({ to }) => to === id)
        .map(({ from, how }) => `  ${from}${how === 'captured' ? ' (captured)' : ''}`)
      return [label, ...inputs.sort()]
    })
  return lines.join('\n')
}
