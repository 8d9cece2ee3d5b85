import { type KckEvent, subscribe } from '../events.ts'
import type { Clock, Entropy } from '../ports/clock.ts'

/** What happened to the products of one primer since the process began. Sums; times in milliseconds. */
export interface ProductActivity {
  hits: number
  stale: number
  misses: number
  computes: number
  failures: number
  /** Of all computes together. */
  costMs: number
  /** Of all hits and stale answers together. */
  ageMs: number
  /** `CODE: message` of the newest failure. */
  lastError: string | null
}

/** Something that people who watch want to see. */
export interface ActivityEvent {
  /** Unique, also across processes. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly type: KckEvent['type']
  readonly key: string | null
  readonly text: string
}

/** A scheduled run, or a process of the user's. */
export interface RunActivity {
  readonly name: string
  readonly outcome: 'started' | 'finished' | 'skipped' | 'failed'
  /** Milliseconds since 1970. */
  readonly at: number
  readonly costMs: number | null
  readonly error: string | null
}

/** How often statements had to wait for room at a source. */
export interface BudgetActivity {
  waited: number
  refused: number
  waitedMs: number
}

export interface ActivityState {
  readonly products: Readonly<Record<string, ProductActivity>>
  readonly runs: Readonly<Record<string, RunActivity>>
  readonly budgets: Readonly<Record<string, BudgetActivity>>
  readonly events: readonly ActivityEvent[]
}

/** Events that are kept. */
const KEPT = 500
const LONGEST_TEXT = 300

/**
 * Counts what happens, for people who watch: what `subscribe` tells in this process, and what other processes say
 * (`take` there, `add` here). Bounded: one record for each primer, source and job, and the newest events.
 */
export class Activity {
  readonly #clock: Clock
  readonly #entropy: Entropy
  readonly #all = new Counts()
  /** Of this process, since `take` was called. */
  #own = new Counts()

  constructor(ports: { readonly clock: Clock; readonly entropy: Entropy }) {
    this.#clock = ports.clock
    this.#entropy = ports.entropy
  }

  /** Returns the way to stop. */
  listen(): () => void {
    return subscribe((event) => {
      count(this.#all, event)
      count(this.#own, event)
      const told = this.#told(event)
      if (told === null) return
      this.#all.tell(told)
      this.#own.tell(told)
    })
  }

  get state(): ActivityState {
    return this.#all.state
  }

  /** What happened in this process since the last call; null: nothing. */
  take(): ActivityState | null {
    if (this.#own.isEmpty) return null
    const { state } = this.#own
    this.#own = new Counts()
    return state
  }

  /** What happened in another process. */
  add(other: ActivityState): void {
    this.#all.add(other)
  }

  #told(event: KckEvent): Told | null {
    const words = wordsOf(event)
    if (words === null) return null
    const at = this.#clock.now()
    const text = words.text.slice(0, LONGEST_TEXT)
    const told = { id: this.#entropy.id(), at, type: event.type, key: words.key, text }
    return event.type === 'process' ? { event: told, run: runOf(event, at) } : { event: told }
  }
}

interface Told {
  readonly event: ActivityEvent
  readonly run?: RunActivity
}

class Counts {
  readonly #products = new Map<string, ProductActivity>()
  readonly #runs = new Map<string, RunActivity>()
  readonly #budgets = new Map<string, BudgetActivity>()
  #events: ActivityEvent[] = []

  /** Those of a key's primer. */
  of(key: string): ProductActivity {
    const slash = key.indexOf('/')
    return this.#product(slash === -1 ? key : key.slice(0, slash))
  }

  budget(source: string): BudgetActivity {
    return found(this.#budgets, source, () => ({ waited: 0, refused: 0, waitedMs: 0 }))
  }

  tell({ event, run }: Told): void {
    this.#events.push(event)
    // Not at every event: that would copy the list each time.
    if (this.#events.length > 2 * KEPT) this.#events = this.#events.slice(-KEPT)
    if (run) this.#runs.set(run.name, run)
  }

  add({ products, runs, budgets, events }: ActivityState): void {
    for (const [name, more] of Object.entries(products)) addUp(this.#product(name), more)
    for (const [name, more] of Object.entries(budgets)) addUp(this.budget(name), more)
    for (const run of Object.values(runs)) this.#runs.set(run.name, run)
    for (const event of events) this.tell({ event })
  }

  get isEmpty(): boolean {
    return this.#products.size + this.#budgets.size + this.#events.length === 0
  }

  get state(): ActivityState {
    return {
      products: Object.fromEntries(this.#products),
      runs: Object.fromEntries(this.#runs),
      budgets: Object.fromEntries(this.#budgets),
      events: this.#events.slice(-KEPT),
    }
  }

  #product(name: string): ProductActivity {
    return found(this.#products, name, () => ({ ...NOTHING }))
  }
}

const NOTHING: ProductActivity = {
  hits: 0,
  stale: 0,
  misses: 0,
  computes: 0,
  failures: 0,
  costMs: 0,
  ageMs: 0,
  lastError: null,
}

function found<T>(map: Map<string, T>, name: string, make: () => T): T {
  const known = map.get(name)
  if (known !== undefined) return known
  const made = make()
  map.set(name, made)
  return made
}

/** Numbers are summed, texts replaced. */
function addUp<T extends object>(into: T, more: Partial<T>): void {
  for (const [name, value] of Object.entries(more)) {
    const before = Reflect.get(into, name)
    if (typeof value === 'number') Reflect.set(into, name, (typeof before === 'number' ? before : 0) + value)
    else if (value !== null) Reflect.set(into, name, value)
  }
}

function count(counts: Counts, event: KckEvent): void {
  switch (event.type) {
    case 'hit':
    case 'stale': {
      const product = counts.of(event.key)
      product[event.type === 'hit' ? 'hits' : 'stale'] += 1
      product.ageMs += event.ageMs
      break
    }
    case 'miss':
      counts.of(event.key).misses += 1
      break
    case 'prime':
      addUp(counts.of(event.key), { computes: 1, costMs: event.costMs })
      break
    case 'compute-failed':
      addUp(counts.of(event.key), { failures: 1, lastError: textOf(event.error) })
      break
    case 'budget':
      addUp(counts.budget(event.source), { [event.outcome]: 1, waitedMs: event.waitedMs })
      break
    default:
  }
}

/** What people are told of an event; null: it is only counted. */
function wordsOf(event: KckEvent): { readonly key: string | null; readonly text: string } | null {
  switch (event.type) {
    case 'prime':
      return {
        key: event.key,
        text: `computed in ${event.costMs} ms (${event.cause})${event.changed ? '' : ', no change'}`,
      }
    case 'compute-failed':
      return { key: event.key, text: `failed: ${textOf(event.error)}` }
    case 'augment':
      return { key: event.key, text: `augment ${event.outcome}` }
    case 'cutoff':
      return { key: event.key, text: 'nothing upstream is new' }
    case 'dirty':
      return { key: event.key, text: `stale: ${event.cause}` }
    case 'set':
    case 'purge':
      return { key: event.key, text: event.type }
    case 'update':
      return { key: null, text: `update ${event.updater}: ${event.changed} products stale` }
    case 'process':
      return { key: null, text: `${event.name} ${event.outcome}${because(event.error)}` }
    case 'fault':
      return { key: event.key ?? null, text: `${event.where}${because(event.error)}` }
    default:
      return null
  }
}

function runOf(event: Extract<KckEvent, { type: 'process' }>, at: number): RunActivity {
  const { name, outcome, costMs, error } = event
  return { name, outcome, at, costMs: costMs ?? null, error: error === undefined ? null : textOf(error) }
}

function because(error: unknown): string {
  return error === undefined ? '' : `: ${textOf(error)}`
}

function textOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? `${String(error.code)}: ${error.message}` : error.message
  return String(error)
}
