import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { locked, token, useToken } from './api.ts'
import { Graph } from './graph.tsx'
import { Key } from './key.tsx'
import { events, follow, problem } from './live.ts'
import { Processes } from './processes.tsx'
import { Product, Products } from './products.tsx'
import { Queue } from './queue.tsx'
import { go, route, toKey } from './route.ts'
import { time } from './words.ts'
import { Writes } from './writes.tsx'

const tabs = [
  ['', 'Products'],
  ['graph', 'Graph'],
  ['queue', 'Queue'],
  ['processes', 'Processes'],
  ['writes', 'Writes'],
] as const

function App() {
  const { page, rest } = route.value
  const main = useRef<HTMLElement>(null)
  const shown = `${page}/${rest}`
  const before = useRef(shown)
  useEffect(() => {
    // As after loading a page: who listens hears the new title.
    if (before.current !== shown && page !== 'graph') main.current?.querySelector<HTMLElement>('h1')?.focus()
    before.current = shown
  }, [shown])
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header>
        <a class="brand" href="#/">
          KCK
        </a>
        <nav aria-label="Main">
          {tabs.map(([to, label]) => {
            const isCurrent = page === to || (to === '' && (page === 'product' || page === 'key'))
            return (
              <a key={to} href={`#/${to}`} {...(isCurrent ? { 'aria-current': 'page' as const } : {})}>
                {label}
              </a>
            )
          })}
        </nav>
        <Jump />
      </header>
      {problem.value === null || locked.value ? null : (
        <p class="problem banner" role="alert">
          {problem.value}
        </p>
      )}
      <main id="main" ref={main} tabIndex={-1}>
        {locked.value ? <SignIn /> : <View page={page} rest={rest} />}
      </main>
      {locked.value ? null : <Feed />}
    </>
  )
}

function View({ page, rest }: { readonly page: string; readonly rest: string }) {
  if (page === 'product') return <Product name={decodeURIComponent(rest)} />
  if (page === 'key') return <Key name={rest} />
  if (page === 'graph') return <Graph around={rest} />
  if (page === 'queue') return <Queue />
  if (page === 'processes') return <Processes />
  if (page === 'writes') return <Writes />
  return <Products />
}

function Jump() {
  const [key, setKey] = useState('')
  const onSubmit = (event: Event) => {
    event.preventDefault()
    if (key.trim() !== '') go(toKey(key.trim()).slice(1))
  }
  return (
    <search class="jump">
      <form onSubmit={onSubmit}>
        <label>
          <span class="hidden">Go to a key</span>
          <input
            placeholder="Go to a key: orders/7"
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
      </form>
    </search>
  )
}

function SignIn() {
  const [text, setText] = useState('')
  const onSubmit = (event: Event) => {
    event.preventDefault()
    useToken(text)
  }
  return (
    <section class="sign-in" aria-labelledby="title">
      <h1 id="title">A token is needed</h1>
      <p>
        {token.value === ''
          ? 'This deployment shows its inside to operators only.'
          : 'The token is not (any more) good for this.'}
      </p>
      <form onSubmit={onSubmit}>
        <label>
          Token with the scope of an operator
          <input
            type="password"
            autocomplete="off"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Go on
        </button>
      </form>
      <p class="quiet">It is kept in this tab only. Locally: kck token --sub me --scope kck/admin</p>
    </section>
  )
}

function Feed() {
  const newest = [...events.value].reverse().slice(0, 40)
  return (
    <aside aria-label="What happens">
      <h2>Live</h2>
      {newest.length === 0 ? <p class="quiet">Nothing yet.</p> : null}
      <ol>
        {newest.map(({ id, at, type, key, text }) => (
          <li key={id} class={type}>
            <time>{time(at)}</time>
            {key === null ? null : <a href={toKey(key)}>{key}</a>}
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </aside>
  )
}

const root = document.getElementById('app')
if (root) render(<App />, root)
follow()
