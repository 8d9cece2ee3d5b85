import type { ParkedWrite, Waiting } from '../../src/write/api.ts'
import { ask, get } from './api.ts'
import { usePolled } from './live.ts'
import { Action, type Column, Empty, Loading, Page, Table } from './parts.tsx'
import { bytes, number, since } from './words.ts'

interface WritesState extends Waiting {
  readonly parked: readonly ParkedWrite[]
}

export function Writes() {
  const { value, error, reload } = usePolled(() => get<WritesState>('/operate/writes'), 2_000)
  const act = (method: string, id: string) => async () => {
    await ask(method, `/writes/${encodeURIComponent(id)}`)
    reload()
  }
  const doing: Column<ParkedWrite> = {
    title: 'Do',
    cell: ({ id }) => (
      <span class="actions">
        <Action label="Retry" run={act('POST', id)} />
        <Action label="Discard" run={act('DELETE', id)} />
      </span>
    ),
  }
  return (
    <Page title="Cached writes">
      {value === null ? (
        <Loading error={error} />
      ) : (
        <>
          <div class="cards">
            <div class="card">
              <strong>{number(value.writes)}</strong> wait for their source ({bytes(value.bytes)})
            </div>
            <div class="card">
              <strong>{number(value.parked.length)}</strong> were refused by it
            </div>
          </div>
          <h2>Refused</h2>
          {value.parked.length === 0 ? (
            <Empty>No write was refused.</Empty>
          ) : (
            <Table caption="Refused writes" rows={value.parked} columns={[...columns, doing]} keyOf={({ id }) => id} />
          )}
        </>
      )}
    </Page>
  )
}

const columns: readonly Column<ParkedWrite>[] = [
  { title: 'Updater', cell: ({ updater }) => <b>{updater}</b> },
  { title: 'Body', cell: ({ body }) => <code>{JSON.stringify(body)}</code> },
  { title: 'Accepted', cell: ({ acceptedAt }) => since(acceptedAt) },
  { title: 'Error', cell: ({ error }) => (error ? `${error.code}: ${error.message}` : '') },
]
