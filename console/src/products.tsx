import { useEffect, useState } from 'preact/hooks'
import type { KeyPage, ListedKey } from '../../src/operate/contract.ts'
import type { ListedProduct, ProductPage } from '../../src/operate/products.ts'
import { get } from './api.ts'
import { usePolled } from './live.ts'
import { Badge, type Column, Empty, Loading, Page, Table } from './parts.tsx'
import { toKey, toProduct } from './route.ts'
import { bytes, number, span, when } from './words.ts'

const pageSize = 50

export function Products() {
  const [search, setSearch] = useState('')
  const [offset, setOffset] = useState(0)
  const path = `/operate/products?search=${encodeURIComponent(search)}&offset=${offset}&limit=${pageSize}`
  const { value, error } = usePolled(() => get<ProductPage>(path), 2_000, [path])
  const find = (text: string) => {
    setOffset(0)
    setSearch(text)
  }
  return (
    <Page
      title="Products"
      aside={
        <label class="search">
          <span class="hidden">Find products</span>
          <input
            type="search"
            placeholder="Find products"
            value={search}
            onInput={(event) => find(event.currentTarget.value)}
          />
        </label>
      }
    >
      {value === null ? (
        <Loading error={error} />
      ) : value.products.length === 0 ? (
        <Empty>{search === '' ? 'There are no primers yet. Save one into primers/.' : 'No product matches.'}</Empty>
      ) : (
        <>
          <Table caption="Products" rows={value.products} columns={columns} keyOf={({ name }) => name} />
          <Pager offset={offset} total={value.total} onTurn={setOffset} />
        </>
      )}
    </Page>
  )
}

function Pager({
  offset,
  total,
  onTurn,
}: {
  readonly offset: number
  readonly total: number
  readonly onTurn: (offset: number) => void
}) {
  if (total <= pageSize) return null
  return (
    <nav class="pager" aria-label="Pages of products">
      <button type="button" disabled={offset === 0} onClick={() => onTurn(offset - pageSize)}>
        Previous
      </button>
      <span>
        {offset + 1} to {Math.min(total, offset + pageSize)} of {number(total)}
      </span>
      <button type="button" disabled={offset + pageSize >= total} onClick={() => onTurn(offset + pageSize)}>
        Next
      </button>
    </nav>
  )
}

const reads = ({ activity }: ListedProduct) => (activity ? activity.hits + activity.stale + activity.misses : 0)

const columns: readonly Column<ListedProduct>[] = [
  {
    title: 'Product',
    cell: ({ name, description }) => (
      <>
        <a class="name" href={toProduct(name)}>
          {name}
        </a>
        {description === null ? null : <span class="description">{description}</span>}
      </>
    ),
  },
  { title: 'Freshness', cell: ({ name }) => <Freshness name={name} /> },
  {
    title: 'Hit ratio',
    numeric: true,
    cell: (product) => {
      const { activity } = product
      if (activity === null || reads(product) === 0) return '–'
      return `${Math.floor((100 * (activity.hits + activity.stale)) / reads(product))} %`
    },
  },
  {
    title: 'Age served',
    numeric: true,
    cell: ({ activity }) => {
      const served = activity ? activity.hits + activity.stale : 0
      return activity === null || served === 0 ? '–' : span(activity.ageMs / served)
    },
  },
  {
    title: 'Cost',
    numeric: true,
    cell: ({ activity }) =>
      activity === null || activity.computes === 0 ? '–' : span(activity.costMs / activity.computes),
  },
  { title: 'Computes', numeric: true, cell: ({ activity }) => number(activity?.computes ?? 0) },
  {
    title: 'Failures',
    numeric: true,
    cell: ({ activity }) =>
      activity === null || activity.failures === 0 ? (
        '0'
      ) : (
        <span class="failures" title={activity.lastError ?? ''}>
          {number(activity.failures)}
        </span>
      ),
  },
  { title: 'Runs next', cell: ({ nextDueAt }) => (nextDueAt === null ? '–' : when(nextDueAt)) },
]

/** How the first hundred keys of a product are. */
function Freshness({ name }: { readonly name: string }) {
  const { value } = usePolled(() => get<KeyPage>(`/operate/keys?primer=${encodeURIComponent(name)}&limit=100`), 5_000, [
    name,
  ])
  if (value === null) return <span class="quiet">…</span>
  if (value.keys.length === 0) return <span class="quiet">no keys</span>
  const count = (state: ListedKey['state']) => value.keys.filter((key) => key.state === state).length
  const [fresh, stale, failed] = [count('fresh'), count('stale'), count('failed')]
  const more = value.next === undefined ? '' : ' of the first 100'
  const text = [
    `${fresh} fresh`,
    ...(stale > 0 ? [`${stale} stale`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(', ')
  return (
    <span class="freshness">
      <svg class="bar" viewBox={`0 0 ${value.keys.length} 1`} preserveAspectRatio="none" aria-hidden="true">
        <rect class="fresh" x={0} width={fresh} height={1} />
        <rect class="stale" x={fresh} width={stale} height={1} />
        <rect class="failed" x={fresh + stale} width={failed} height={1} />
      </svg>
      {text}
      {more}
    </span>
  )
}

export function Product({ name }: { readonly name: string }) {
  const [pages, setPages] = useState<readonly KeyPage[]>([])
  const path = `/operate/keys?primer=${encodeURIComponent(name)}&limit=100`
  const { value: first, error } = usePolled(() => get<KeyPage>(path), 3_000, [path])
  const { value: listed } = usePolled(
    () => get<ProductPage>(`/operate/products?search=${encodeURIComponent(name)}&limit=1000`),
    5_000,
    [name],
  )
  useEffect(() => setPages([]), [name])
  const product = listed?.products.find((each) => each.name === name)
  const shown = [...(first?.keys ?? []), ...pages.flatMap(({ keys }) => keys)]
  const next = pages.length === 0 ? first?.next : pages.at(-1)?.next
  const more = async () => {
    if (next === undefined) return
    const page = await get<KeyPage>(`${path}&after=${encodeURIComponent(next)}`)
    setPages((before) => [...before, page])
  }
  return (
    <Page title={name} aside={<a href={`#/graph/${encodeURIComponent(name)}`}>Show in the graph</a>}>
      {product === undefined ? null : <Facts product={product} />}
      {first === null ? (
        <Loading error={error} />
      ) : shown.length === 0 ? (
        <Empty>No key of it was ever computed.</Empty>
      ) : (
        <Table caption={`Keys of ${name}`} rows={shown} columns={keyColumns} keyOf={({ key }) => key} />
      )}
      {next === undefined ? null : (
        <button type="button" onClick={() => void more()}>
          More keys
        </button>
      )}
    </Page>
  )
}

function Facts({ product }: { readonly product: ListedProduct }) {
  const { description, file, parameters, softTtlMs, hardTtlMs, schedule, replicate, activity } = product
  const every = schedule?.everyMs ? `every ${span(schedule.everyMs)}` : schedule?.cron
  return (
    <>
      {description === null ? null : <p>{description}</p>}
      <dl class="facts">
        <Fact name="Parameters" value={parameters.length === 0 ? 'none' : parameters.join(', ')} />
        <Fact name="File" value={file ?? 'in code'} />
        <Fact name="Stale after" value={softTtlMs === null ? 'a change only' : span(softTtlMs)} />
        <Fact name="Gone after" value={hardTtlMs === null ? 'never' : span(hardTtlMs)} />
        <Fact name="Schedule" value={every ?? 'none'} />
        <Fact name="Replicated" value={replicate ? 'yes' : 'no'} />
      </dl>
      {activity?.lastError ? <p class="problem">Last failure: {activity.lastError}</p> : null}
    </>
  )
}

export function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

const keyColumns: readonly Column<ListedKey>[] = [
  {
    title: 'Key',
    cell: ({ key }) => (
      <a class="name" href={toKey(key)}>
        {key}
      </a>
    ),
  },
  { title: 'State', cell: ({ state }) => <Badge state={state} /> },
  { title: 'Age', numeric: true, cell: ({ ageMs }) => span(ageMs) },
  { title: 'Size', numeric: true, cell: (key) => bytes(key.bytes) },
  { title: 'Cost', numeric: true, cell: ({ costMs }) => span(costMs) },
  { title: 'Error', cell: ({ error }) => error ?? '' },
]
