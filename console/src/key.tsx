import { useState } from 'preact/hooks'
import type { Happening } from '../../src/entry/entry.ts'
import type { ExplainedInput, Explanation } from '../../src/operate/explanation.ts'
import { ask, get, messageOf } from './api.ts'
import { usePolled } from './live.ts'
import { Action, Badge, type Column, Loading, Page, Scroll, Table } from './parts.tsx'
import { Fact } from './products.tsx'
import { toKey, toProduct } from './route.ts'
import { bytes, since, span, time, when } from './words.ts'

/** One product: its value, why it is as it is, and what can be done about it. */
export function Key({ name }: { readonly name: string }) {
  const { value, error, reload } = usePolled(() => get<Explanation>(`/explain/${name}`), 2_000, [name])
  const act = (method: string, path: string) => async () => {
    await ask(method, path)
    reload()
  }
  return (
    <Page
      title={name}
      aside={
        <div class="actions">
          <Action label="Refresh" kind="primary" run={act('POST', `/refresh/${name}`)} />
          <Action label="Invalidate" run={act('DELETE', `/fetch/${name}`)} />
        </div>
      }
    >
      {value === null ? <Loading error={error} /> : <Explained explained={value} />}
    </Page>
  )
}

function Explained({ explained }: { readonly explained: Explanation }) {
  const { key, state, summary, reasons, primer, value, inputs, dependents, refresh, history } = explained
  return (
    <>
      <p class="summary">
        <Badge state={state} /> {summary}
      </p>
      {reasons.length === 0 ? null : (
        <ul class="reasons" aria-label="Why">
          {reasons.map(({ code, text }) => (
            <li key={code + text}>{text}</li>
          ))}
        </ul>
      )}
      <dl class="facts">
        <div>
          <dt>Product</dt>
          <dd>
            <a href={toProduct(primer.name)}>{primer.name}</a>
          </dd>
        </div>
        {value === null ? null : (
          <>
            <Fact name="Age" value={span(value.ageMs)} />
            <Fact name="Version" value={String(value.version)} />
            <Fact name="Size" value={`${bytes(value.bytes)} (${value.encoding})`} />
            <Fact name="Cost" value={span(value.costMs)} />
            <Fact name="Stale" value={value.softExpiresAt === null ? 'at a change only' : when(value.softExpiresAt)} />
          </>
        )}
        {refresh.dueAt === null ? null : <Fact name="Due" value={when(refresh.dueAt)} />}
      </dl>
      {refresh.choice === null ? null : (
        <p class="quiet">
          Lane {refresh.choice.lane ?? 'none'}: {refresh.choice.reason}
        </p>
      )}
      <Value name={key} version={value?.version ?? 0} />
      <h2>Reads</h2>
      {inputs.length === 0 ? (
        <p class="quiet">Nothing that was captured.</p>
      ) : (
        <Table caption="What it reads" rows={inputs} columns={inputColumns} keyOf={({ node }) => node} />
      )}
      <h2>Read by</h2>
      <Dependents {...dependents} />
      <h2>History</h2>
      {history.length === 0 ? (
        <p class="quiet">Nothing yet.</p>
      ) : (
        <Table caption="History" rows={history} columns={historyColumns} keyOf={({ at, what }) => `${at} ${what}`} />
      )}
    </>
  )
}

function Dependents({ keys, more }: Explanation['dependents']) {
  if (keys.length === 0) return <p class="quiet">Nothing.</p>
  return (
    <ul class="keys">
      {keys.map((key) => (
        <li key={key}>
          <a href={toKey(key)}>{key}</a>
        </li>
      ))}
      {more ? <li class="quiet">and more</li> : null}
    </ul>
  )
}

/** Asked for when somebody wants to see it: it may be large. */
function Value({ name, version }: { readonly name: string; readonly version: number }) {
  const [shown, setShown] = useState<{ readonly version: number; readonly text: string } | null>(null)
  const show = async () => {
    const text = await ask<{ value: unknown }>('GET', `/fetch/${name}`, {
      'cache-control': 'only-if-cached, max-stale',
    }).then(
      (body) => JSON.stringify(body.value, null, 2),
      (error: unknown) => messageOf(error),
    )
    setShown({ version, text })
  }
  return (
    <>
      <h2>Value</h2>
      <button type="button" onClick={() => void show()}>
        {shown === null ? 'Show the value' : 'Show it again'}
      </button>
      {shown === null ? null : (
        <Scroll class="value" label="Value">
          <pre>{shown.text}</pre>
        </Scroll>
      )}
    </>
  )
}

const inputColumns: readonly Column<ExplainedInput>[] = [
  {
    title: 'What',
    cell: ({ node }) =>
      node.startsWith('product/') ? <a href={toKey(node.slice('product/'.length))}>{node}</a> : node,
  },
  { title: 'State', cell: ({ state }) => (state === null ? '' : <Badge state={state} />) },
  { title: 'Version read', numeric: true, cell: ({ version }) => version ?? '' },
  { title: 'Version now', numeric: true, cell: ({ versionNow }) => versionNow ?? '' },
]

const historyColumns: readonly Column<Happening>[] = [
  {
    title: 'When',
    cell: ({ at }) => (
      <span title={new Date(at).toISOString()}>
        {time(at)}, {since(at)}
      </span>
    ),
  },
  { title: 'What', cell: ({ what }) => <span class={`what ${what}`}>{what}</span> },
  { title: 'Why', cell: ({ cause, error }) => (error === undefined ? cause : `${cause}: ${error}`) },
  { title: 'Took', numeric: true, cell: ({ ms }) => (ms === undefined ? '' : span(ms)) },
  { title: 'Rows', numeric: true, cell: ({ rows }) => rows ?? '' },
]
