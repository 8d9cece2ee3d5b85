import { LRUCache } from 'lru-cache'
import type { StoredEntry } from '../entry/entry.ts'
import { freshness, pendingMarks } from '../entry/freshness.ts'
import type { Clock } from '../ports/clock.ts'
import type { RefreshQueue, RefreshRequest } from '../ports/refresh-queue.ts'
import type { AnyPrimer } from '../primer/definition.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { isProduct, keyOfProduct } from './recorder.ts'

/** How long a refresh waits for further changes. Milliseconds. */
interface Wait {
  /** After the last change. */
  readonly debounceMs: number
  /** After the first one. */
  readonly maxDelayMs: number
}

export interface DebounceDeps {
  readonly queue: RefreshQueue
  readonly clock: Clock
  readonly registry: Registry
}

/** Who waits for an answer, a schedule or an operator is not put off. */
const PUT_OFF: ReadonlySet<string> = new Set(['change', 'stale-read', 'retry'])
const REMEMBERED = 10_000

/**
 * Puts refreshes off while changes go on, so that many in a short time cost one compute. Marks are never put off: from
 * the first change on the product is stale, and whoever asks for a fresh one gets it at once. What reads a product that
 * waits, waits with it.
 */
export class Debounce {
  readonly #deps: DebounceDeps
  /** Keys for which a message of this process is on its way, and when it comes out. */
  readonly #coming = new LRUCache<string, number>({ maxSize: REMEMBERED, sizeCalculation: () => 1 })

  constructor(deps: DebounceDeps) {
    this.#deps = deps
  }

  /** Whether a request has to wait. Then it is asked for again, for when its time has come. */
  async puttingOff(product: ProductKey, entry: StoredEntry, request: RefreshRequest): Promise<boolean> {
    const { clock, registry } = this.#deps
    const now = clock.now()
    const wait = PUT_OFF.has(request.cause) ? waitOf(registry, product, entry) : null
    if (wait === null || freshness(entry, product.primer.revision, now).state !== 'stale') return false
    const due = dueAt(entry, wait, now)
    if (due <= now) return false
    await this.#sendLater([product.text], due - now, () => request)
    return true
  }

  /** Sends the requests of keys that have just changed: later, or not at all where one is on its way. */
  async send(keys: readonly string[], request: (key: string) => RefreshRequest, signal?: AbortSignal): Promise<void> {
    const { queue, registry } = this.#deps
    const call = signal ? { signal } : {}
    const byDelay = Map.groupBy(keys, (key) => primerOf(registry, key)?.debounceMs ?? 0)
    for (const [delayMs, group] of byDelay) {
      if (delayMs === 0) await queue.send('normal', group.map(request), call)
      else await this.#sendLater(group, delayMs, request, call)
    }
  }

  async #sendLater(
    keys: readonly string[],
    delayMs: number,
    request: (key: string) => RefreshRequest,
    call: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const now = this.#deps.clock.now()
    const open = keys.filter((key) => (this.#coming.get(key) ?? 0) <= now)
    if (open.length === 0) return
    await this.#deps.queue.send('normal', open.map(request), { ...call, delayMs })
    for (const key of open) this.#coming.set(key, now + delayMs)
  }
}

/** The longest wait of the product and of everything upstream of it: it cannot be fresh before they are. */
function waitOf(registry: Registry, product: ProductKey, { row }: StoredEntry): Wait | null {
  const upstream = (row?.value?.ancestors ?? []).map(({ node }) => node).filter(isProduct)
  const primers = [product.primer, ...upstream.map((node) => primerOf(registry, keyOfProduct(node)))]
  const waits = primers.flatMap((primer) =>
    primer && primer.debounceMs !== null ? [{ debounceMs: primer.debounceMs, maxDelayMs: primer.maxDelayMs }] : [],
  )
  if (waits.length === 0) return null
  return {
    debounceMs: Math.max(...waits.map(({ debounceMs }) => debounceMs)),
    maxDelayMs: Math.max(...waits.map(({ debounceMs, maxDelayMs }) => maxDelayMs ?? LONGEST * debounceMs)),
  }
}

/** How many times `debounce` a refresh waits at most where its primer does not say. */
const LONGEST = 5

/** Milliseconds; not in the future when nothing has changed, or a clock must be wrong. */
function dueAt(entry: StoredEntry, { debounceMs, maxDelayMs }: Wait, now: number): number {
  const { row } = entry
  const marked = pendingMarks(entry).map(({ at }) => at)
  const dirty = row?.value && row.value.builtEpoch !== row.epoch && row.dirtyAt !== null ? [row.dirtyAt] : []
  if (marked.length + dirty.length === 0) return now
  // What a compute began after was seen by it; what it missed came later.
  const first = Math.max(Math.min(...marked, ...dirty), row?.value?.asOf ?? 0)
  const last = Math.max(first, ...marked)
  const due = Math.min(last + debounceMs, first + maxDelayMs)
  return due > now + debounceMs ? now : due
}

function primerOf(registry: Registry, key: string): AnyPrimer | undefined {
  return registry.primers.get(key.split('/', 1)[0] ?? '')
}
