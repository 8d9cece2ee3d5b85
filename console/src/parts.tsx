import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { messageOf } from './api.ts'

export type State = 'fresh' | 'stale' | 'failed' | 'missing'

export function Badge({ state }: { readonly state: State }) {
  return <span class={`badge ${state}`}>{state}</span>
}

export function Page({
  title,
  children,
  aside,
}: {
  readonly title: string
  readonly children: ComponentChildren
  readonly aside?: ComponentChildren
}) {
  return (
    <>
      <div class="title">
        <h1 id="title" tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {children}
    </>
  )
}

/** What is shown while there is nothing to show yet, or no more. */
export function Loading({ error }: { readonly error: string | null }) {
  return error === null ? (
    <p class="quiet">Loading…</p>
  ) : (
    <p class="problem" role="alert">
      {error}
    </p>
  )
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="quiet">{children}</p>
}

/** A button that does something slow: it says so, and says what went wrong. */
export function Action({
  label,
  run,
  kind = '',
}: {
  readonly label: string
  readonly run: () => Promise<unknown>
  readonly kind?: string
}) {
  const [state, setState] = useState<{ readonly busy: boolean; readonly error: string | null }>({
    busy: false,
    error: null,
  })
  const onClick = async () => {
    setState({ busy: true, error: null })
    const error = await run().then(
      () => null,
      (thrown: unknown) => messageOf(thrown),
    )
    setState({ busy: false, error })
  }
  return (
    <>
      <button type="button" class={kind} disabled={state.busy} onClick={() => void onClick()}>
        {state.busy ? 'Working…' : label}
      </button>
      {state.error === null ? null : (
        <span class="problem" role="alert">
          {state.error}
        </span>
      )}
    </>
  )
}

/** What is wider or longer than its place. */
export function Scroll(props: {
  readonly class: string
  readonly label: string
  readonly children: ComponentChildren
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
    <section class={props.class} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  )
}

export interface Column<T> {
  readonly title: string
  readonly cell: (row: T) => ComponentChildren
  readonly numeric?: boolean
}

export function Table<T>({
  caption,
  rows,
  columns,
  keyOf,
}: {
  readonly caption: string
  readonly rows: readonly T[]
  readonly columns: readonly Column<T>[]
  readonly keyOf: (row: T) => string
}) {
  return (
    <Scroll class="scroll" label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, numeric }) => (
              <th key={title} scope="col" class={numeric ? 'number' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, numeric }) => (
                <td key={title} class={numeric ? 'number' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}
