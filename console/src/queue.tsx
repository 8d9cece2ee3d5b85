import type { Backlog, FailingKey, WaitingKey } from '../../src/operate/contract.ts'
import { ask, get } from './api.ts'
import { usePolled } from './live.ts'
import { Action, type Column, Empty, Loading, Page, Table } from './parts.tsx'
import { toKey } from './route.ts'
import { number, since, when } from './words.ts'

export function Queue() {
  const { value, error, reload } = usePolled(() => get<Backlog>('/operate/queue?limit=200'), 2_000)
  if (value === null) {
    return (
      <Page title="Queue">
        <Loading error={error} />
      </Page>
    )
  }
  const act = (method: string, path: string) => async () => {
    await ask(method, path)
    reload()
  }
  const doing: Column<FailingKey> = {
    title: 'Do',
    cell: ({ key }) => (
      <span class="actions">
        <Action label={`Retry ${key}`} run={act('POST', `/refresh/${key}`)} />
        <Action label={`Discard ${key}`} run={act('POST', `/operate/discard/${key}`)} />
      </span>
    ),
  }
  return (
    <Page title="Queue">
      <div class="cards">
        {Object.entries(value.depth).map(([lane, count]) => (
          <div class="card" key={lane}>
            <strong>{number(count)}</strong> messages in <b>{lane}</b>
          </div>
        ))}
      </div>
      <h2>Waiting, in this order</h2>
      {value.waiting.length === 0 ? (
        <Empty>Nothing waits because of a change.</Empty>
      ) : (
        <Table caption="Waiting" rows={value.waiting} columns={waitingColumns} keyOf={({ key }) => key} />
      )}
      {value.more ? <p class="quiet">And more.</p> : null}
      <h2>Failing</h2>
      {value.failing.length === 0 ? (
        <Empty>Nothing fails.</Empty>
      ) : (
        <Table caption="Failing" rows={value.failing} columns={[...failingColumns, doing]} keyOf={({ key }) => key} />
      )}
    </Page>
  )
}

const waitingColumns: readonly Column<WaitingKey>[] = [
  {
    title: 'Key',
    cell: ({ key }) => (
      <a class="name" href={toKey(key)}>
        {key}
      </a>
    ),
  },
  { title: 'Lane', cell: ({ lane }) => lane ?? 'on demand' },
  { title: 'Stale since', cell: (row) => since(row.since) },
  { title: 'Score', numeric: true, cell: ({ score }) => score.toPrecision(3) },
  { title: 'Why', cell: ({ reason }) => reason },
]

const failingColumns: readonly Column<FailingKey>[] = [
  {
    title: 'Key',
    cell: ({ key }) => (
      <a class="name" href={toKey(key)}>
        {key}
      </a>
    ),
  },
  { title: 'Failed', cell: ({ attempts, failedAt }) => `${attempts} times, last ${since(failedAt)}` },
  { title: 'Error', cell: ({ code, message }) => `${code}: ${message}` },
  {
    title: 'Next',
    cell: ({ retryAt }) => (retryAt === null ? <span class="badge failed">parked</span> : when(retryAt)),
  },
]
