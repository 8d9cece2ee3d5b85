import type { BudgetActivity, RunActivity } from '../../src/operate/activity.ts'
import type { ListedProduct, ProductPage } from '../../src/operate/products.ts'
import { get } from './api.ts'
import { activity, usePolled } from './live.ts'
import { type Column, Empty, Loading, Page, Table } from './parts.tsx'
import { toProduct } from './route.ts'
import { number, since, span, when } from './words.ts'

export function Processes() {
  const { value, error } = usePolled(() => get<ProductPage>('/operate/products?limit=1000'), 5_000)
  const scheduled = value?.products.filter(({ schedule }) => schedule !== null) ?? []
  const runs = Object.values(activity.value?.runs ?? {}).sort((a, b) => b.at - a.at)
  const budgets = Object.entries(activity.value?.budgets ?? {})
  return (
    <Page title="Processes">
      <h2>Runs</h2>
      {runs.length === 0 ? (
        <Empty>Nothing has run since this service began.</Empty>
      ) : (
        <Table caption="Runs" rows={runs} columns={runColumns} keyOf={({ name }) => name} />
      )}
      <h2>Schedules</h2>
      {value === null ? (
        <Loading error={error} />
      ) : scheduled.length === 0 ? (
        <Empty>No product has a schedule.</Empty>
      ) : (
        <Table caption="Schedules" rows={scheduled} columns={scheduleColumns} keyOf={({ name }) => name} />
      )}
      <h2>Source budget</h2>
      {budgets.length === 0 ? (
        <Empty>No statement had to wait for room at its source.</Empty>
      ) : (
        <Table caption="Source budget" rows={budgets} columns={budgetColumns} keyOf={([name]) => name} />
      )}
    </Page>
  )
}

const runColumns: readonly Column<RunActivity>[] = [
  { title: 'Process', cell: ({ name }) => <b>{name}</b> },
  {
    title: 'Last',
    cell: ({ outcome }) => (
      <span class={`badge ${outcome === 'failed' ? 'failed' : outcome === 'finished' ? 'fresh' : ''}`}>{outcome}</span>
    ),
  },
  { title: 'When', cell: ({ at }) => since(at) },
  { title: 'Took', numeric: true, cell: ({ costMs }) => (costMs === null ? '' : span(costMs)) },
  { title: 'Error', cell: ({ error }) => error ?? '' },
]

const scheduleColumns: readonly Column<ListedProduct>[] = [
  {
    title: 'Product',
    cell: ({ name }) => (
      <a class="name" href={toProduct(name)}>
        {name}
      </a>
    ),
  },
  {
    title: 'Schedule',
    cell: ({ schedule }) =>
      schedule?.everyMs ? `every ${span(schedule.everyMs)}` : `${schedule?.cron} ${schedule?.timeZone ?? 'UTC'}`,
  },
  { title: 'Next', cell: ({ nextDueAt }) => (nextDueAt === null ? '' : when(nextDueAt)) },
  { title: 'Over', cell: ({ schedule }) => schedule?.over ?? '' },
]

const budgetColumns: readonly Column<readonly [string, BudgetActivity]>[] = [
  { title: 'Source', cell: ([name]) => <b>{name}</b> },
  { title: 'Waited', numeric: true, cell: ([, { waited }]) => number(waited) },
  { title: 'Waited in all', numeric: true, cell: ([, { waitedMs }]) => span(waitedMs) },
  { title: 'Refused', numeric: true, cell: ([, { refused }]) => number(refused) },
]
