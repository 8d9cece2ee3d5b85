import type { EntryRow, StoredEntry } from '../entry/entry.ts'
import { type Freshness, freshness } from '../entry/freshness.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import { nextDue } from '../process/schedule.ts'
import { candidateOf } from '../refresh/candidate.ts'
import { choose } from '../refresh/choose.ts'
import { isProduct, keyOfDependent, keyOfProduct, productNode } from '../refresh/recorder.ts'
import type { ExplainedInput, ExplainedRefresh, ExplainedValue, Explanation } from './explanation.ts'
import { reasonsOf } from './reasons.ts'
import { ago } from './words.ts'

export interface ExplainDeps {
  readonly registry: Registry
  readonly store: Store
}

/** How many dependents are shown. */
const SHOWN = 100

/** Explains one product from what the store says now. Changes nothing. Throws `STORE_UNAVAILABLE`. */
export async function explain(
  deps: ExplainDeps,
  product: ProductKey,
  now: number,
  signal?: AbortSignal,
): Promise<Explanation> {
  const call = signal ? { signal } : {}
  const entry = await deps.store.entries.get(product.text, { ...call, consistency: 'latest' })
  const [inputs, dependents] = await Promise.all([
    inputsOf(deps, entry.row, now, signal),
    deps.store.lineage.dependents(productNode(product.text), { limit: SHOWN }, call),
  ])
  const { primer } = product
  const fresh = freshness(entry, primer.revision, now)
  const state = stateOf(fresh, entry)
  const keys = [...new Set(dependents.keys.map(keyOfDependent))]
  return {
    key: product.text,
    state,
    summary: summaryOf(product.text, state, fresh, now),
    reasons: reasonsOf({ entry, fresh, inputs, primer, now }),
    primer: {
      name: primer.name,
      description: primer.description,
      file: primer.file,
      revision: primer.revision,
      softTtlMs: primer.softTtlMs,
      hardTtlMs: primer.hardTtlMs,
      idleAfterMs: primer.idleAfterMs,
    },
    value: fresh.state === 'missing' ? null : served(fresh, now),
    inputs,
    dependents: { keys, more: dependents.next !== undefined },
    refresh: refreshOf(product, entry, fresh, now),
    history: [...(entry.row?.history ?? [])].reverse(),
  }
}

/** The state as readers are told it. */
export function stateOf(fresh: Freshness, { row }: StoredEntry): Explanation['state'] {
  return fresh.state === 'stale' && row?.failure ? 'failed' : fresh.state
}

function served(fresh: Exclude<Freshness, { state: 'missing' }>, now: number): ExplainedValue {
  const { value } = fresh
  return {
    version: value.version,
    asOf: value.asOf,
    ageMs: Math.max(0, now - value.asOf),
    modified: value.modified,
    staleSince: fresh.state === 'stale' ? fresh.since : null,
    softExpiresAt: value.softExpiresAt,
    hardExpiresAt: value.hardExpiresAt,
    contentHash: value.contentHash,
    bytes: value.body.length,
    encoding: value.body.encoding,
    costMs: value.costMs,
    primerRevision: value.primerRevision,
  }
}

async function inputsOf(
  { registry, store }: ExplainDeps,
  row: EntryRow | null,
  now: number,
  signal?: AbortSignal,
): Promise<readonly ExplainedInput[]> {
  const inputs = row?.value?.inputs ?? []
  const keys = inputs.flatMap(({ node }) => (isProduct(node) ? [keyOfProduct(node)] : []))
  const read = keys.length === 0 ? [] : await store.entries.getMany(keys, signal ? { signal } : {})
  const entries = new Map(read.map((entry) => [entry.key, entry]))
  return inputs
    .filter(({ node }) => !node.startsWith('primer/'))
    .map(({ node, version }) => {
      const entry = isProduct(node) ? entries.get(keyOfProduct(node)) : undefined
      if (!entry) return { node, version, versionNow: null, state: null }
      const revision = registry.primers.get(entry.key.split('/', 1)[0] ?? '')?.revision ?? ''
      const fresh = freshness(entry, revision, now)
      return { node, version, versionNow: entry.row?.value?.version ?? null, state: stateOf(fresh, entry) }
    })
}

function refreshOf(product: ProductKey, entry: StoredEntry, fresh: Freshness, now: number): ExplainedRefresh {
  const { row } = entry
  const asked = row?.requested ?? null
  const request = { cause: asked?.cause ?? 'change', at: asked?.at ?? now }
  const { lease, failure } = row ?? {}
  return {
    dueAt: dueAt(product, row, fresh, now),
    requested: asked,
    choice: fresh.state === 'stale' ? choose(candidateOf(product, entry, request, now), now) : null,
    lease: lease ? { since: lease.since, until: lease.until } : null,
    failure: failure
      ? {
          attempts: failure.attempts,
          code: failure.code,
          message: failure.message,
          at: failure.at,
          retryAt: failure.retryAt,
        }
      : null,
    lastReadAt: row?.readAt ?? null,
  }
}

function dueAt({ primer }: ProductKey, row: EntryRow | null, fresh: Freshness, now: number): number | null {
  const retryAt = row?.failure?.retryAt ?? null
  if (fresh.state === 'stale' && retryAt !== null) return Math.max(now, retryAt)
  const scheduled = primer.schedule ? nextDue(primer.schedule, now) : null
  const expires = fresh.state === 'fresh' ? fresh.value.softExpiresAt : null
  const times = [scheduled, expires].filter((time) => time !== null)
  return times.length === 0 ? null : Math.min(...times)
}

function summaryOf(key: string, state: Explanation['state'], fresh: Freshness, now: number): string {
  if (fresh.state === 'missing') return `${key} has no value to serve.`
  const { value } = fresh
  const about = `version ${value.version}, ${ago(now - value.asOf)} old`
  if (fresh.state === 'fresh') return `${key} is fresh: ${about}.`
  const since = `stale for ${ago(now - fresh.since)} because of: ${fresh.cause}`
  return state === 'failed'
    ? `${key} is ${since}, and its last refresh failed; ${about} is served.`
    : `${key} is ${since}; ${about} is served.`
}
