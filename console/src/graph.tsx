import { graphlib, layout } from '@dagrejs/dagre'
import { useCallback, useMemo, useState } from 'preact/hooks'
import type { ActivityEvent } from '../../src/operate/activity.ts'
import type { Graph as GraphData, GraphNode } from '../../src/operate/contract.ts'
import { get } from './api.ts'
import { useEvents, usePolled } from './live.ts'
import { neighbourhood } from './neighbourhood.ts'
import { Loading, Page, Scroll } from './parts.tsx'
import { go, toProduct } from './route.ts'

const height = 34
const flashMs = 1_500

/** From source tables to products; a change lights up what it reaches. */
export function Graph({ around }: { readonly around: string }) {
  const { value, error } = usePolled(() => get<GraphData>('/operate/graph'), 10_000)
  const [depth, setDepth] = useState(2)
  const lit = useLit()
  return (
    <Page
      title="Graph"
      aside={value === null ? null : <Choice graph={value} around={around} depth={depth} onDepth={setDepth} />}
    >
      {value === null ? <Loading error={error} /> : <Drawing graph={value} around={around} depth={depth} lit={lit} />}
      <p class="legend">
        <span class="swatch table" /> source table <span class="swatch product" /> product{' '}
        <span class="swatch updater" /> updater, tag or remote <span class="line" /> declared{' '}
        <span class="line dashed" /> captured
      </p>
    </Page>
  )
}

/** Names of products that something happened to just now, and what. */
function useLit(): ReadonlyMap<string, string> {
  const [lit, setLit] = useState<ReadonlyMap<string, string>>(new Map())
  const onEvent = useCallback(({ key, type }: ActivityEvent) => {
    if (key === null) return
    const name = key.split('/', 1)[0] ?? key
    const how = type === 'dirty' ? 'stale' : type === 'compute-failed' ? 'failed' : 'fresh'
    setLit((before) => new Map(before).set(name, how))
    setTimeout(() => {
      setLit((before) => {
        const after = new Map(before)
        after.delete(name)
        return after
      })
    }, flashMs)
  }, [])
  useEvents(onEvent)
  return lit
}

function Choice({
  graph,
  around,
  depth,
  onDepth,
}: {
  readonly graph: GraphData
  readonly around: string
  readonly depth: number
  readonly onDepth: (depth: number) => void
}) {
  return (
    <div class="actions">
      <label>
        Around{' '}
        <select value={around} onChange={(event) => go(`/graph/${event.currentTarget.value}`)}>
          <option value="">everything</option>
          {graph.nodes.map(({ id, label, kind }) => (
            <option key={id} value={kind === 'product' ? encodeURIComponent(label) : id}>
              {kind === 'product' ? label : id}
            </option>
          ))}
        </select>
      </label>
      <label>
        Steps{' '}
        <select value={String(depth)} onChange={(event) => onDepth(Number(event.currentTarget.value))}>
          {[1, 2, 3, 5].map((steps) => (
            <option key={steps} value={String(steps)}>
              {steps}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

function Drawing({
  graph,
  around,
  depth,
  lit,
}: {
  readonly graph: GraphData
  readonly around: string
  readonly depth: number
  readonly lit: ReadonlyMap<string, string>
}) {
  const shown = useMemo(() => neighbourhood(graph, around, depth), [JSON.stringify(graph), around, depth])
  const drawn = useMemo(() => placed(shown.graph), [shown])
  return (
    <>
      {shown.left === 0 ? null : <p class="quiet">{shown.left} more are left out: choose what to look around.</p>}
      <Scroll class="graph" label="Dependency graph">
        <svg width={drawn.width} height={drawn.height} viewBox={`0 0 ${drawn.width} ${drawn.height}`}>
          <title>{`${shown.graph.nodes.length} nodes and ${shown.graph.edges.length} edges`}</title>
          <defs>
            <marker
              id="arrow"
              viewBox="0 0 8 8"
              refX="8"
              refY="4"
              markerUnits="userSpaceOnUse"
              markerWidth="8"
              markerHeight="8"
              orient="auto"
            >
              <path class="head" d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {drawn.edges.map(({ id, path, how, to }) => (
            <path key={id} class={`edge ${how} ${lit.get(to) ?? ''}`} d={path} marker-end="url(#arrow)" />
          ))}
          {drawn.nodes.map((node) => (
            <Node key={node.id} node={node} lit={node.kind === 'product' ? (lit.get(node.label) ?? '') : ''} />
          ))}
        </svg>
      </Scroll>
    </>
  )
}

interface PlacedNode extends GraphNode {
  readonly x: number
  readonly y: number
  readonly width: number
}

function Node({ node, lit }: { readonly node: PlacedNode; readonly lit: string }) {
  const { id, kind, label, x, y, width } = node
  const href = kind === 'product' ? toProduct(label) : `#/graph/${id}`
  return (
    <a href={href} aria-label={`${kind} ${label}`}>
      <g class={`node ${kind} ${lit}`} transform={`translate(${x - width / 2} ${y - height / 2})`}>
        <rect width={width} height={height} rx={kind === 'table' ? 3 : height / 2} />
        <text x={width / 2} y={height / 2 + 4.5} text-anchor="middle">
          {label}
        </text>
      </g>
    </a>
  )
}

/** Layered, from left to right. */
function placed({ nodes, edges }: GraphData) {
  const graph = new graphlib.Graph()
    .setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 70, marginx: 16, marginy: 16 })
    .setDefaultEdgeLabel(() => ({}))
  for (const { id, label } of nodes) graph.setNode(id, { width: 28 + 7.4 * label.length, height })
  for (const { from, to } of edges) graph.setEdge(from, to)
  layout(graph)
  const { width = 0, height: tall = 0 } = graph.graph()
  return {
    width,
    height: tall,
    nodes: nodes.map((node): PlacedNode => ({ ...node, ...graph.node(node.id) })),
    edges: edges.map(({ from, to, how }) => {
      const points: readonly { x: number; y: number }[] = graph.edge(from, to).points
      return { id: `${from} ${to}`, how, to: to.replace(/^product\//, ''), path: smooth(points) }
    }),
  }
}

/** A curve through the middles of the lines between the points. */
function smooth(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points
  const last = rest.at(-1)
  if (!(first && last)) return ''
  const curves = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? last
    return `Q${point.x} ${point.y} ${(point.x + next.x) / 2} ${(point.y + next.y) / 2}`
  })
  return `M${first.x} ${first.y} ${curves.join(' ')} L${last.x} ${last.y}`
}
