import { type Compression, encodeBody, hash } from '../entry/body.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { mutate } from '../entry/mutate.ts'
import { restore } from '../entry/transitions.ts'
import { asKckError, KckError } from '../errors.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'
import type { ProductKey, Registry } from '../primer/registry.ts'
import type { Changes } from '../refresh/change.ts'
import { dependent, primerNode, productNode } from '../refresh/recorder.ts'
import type { DumpedEntry, Loaded } from './contract.ts'

export interface LoadDeps {
  readonly registry: Registry
  readonly store: Store
  readonly clock: Clock
  readonly entropy: Entropy
  readonly changes: Changes
  readonly compression: Compression
}

/** Chunks outlive what points to them by this much, so that no reader finds a piece missing. */
const CHUNK_GRACE_MS = 3_600_000

/** Puts one dumped entry back. Running it again does nothing. */
export async function loadEntry(deps: LoadDeps, line: unknown, signal?: AbortSignal): Promise<Loaded> {
  const key = keyIn(line)
  try {
    const product = deps.registry.parseKey(key)
    const applied = await restoreEntry(deps, product, checked(line), signal)
    return { key: product.text, outcome: applied ? 'loaded' : 'kept' }
  } catch (error) {
    signal?.throwIfAborted()
    const { code, message } = asKckError(error)
    if (code === 'STORE_UNAVAILABLE') throw error
    return { key, outcome: 'refused', code, message }
  }
}

async function restoreEntry(
  { store, clock, entropy, changes, compression }: LoadDeps,
  product: ProductKey,
  dumped: DumpedEntry,
  signal?: AbortSignal,
): Promise<boolean> {
  const key = product.text
  const call = signal ? { signal } : {}
  const known = await store.entries.get(key, { ...call, consistency: 'latest' })
  if (known.row?.value && known.row.value.version >= dumped.version) return false

  const operation = entropy.id()
  const { version, modified, asOf, softExpiresAt, hardExpiresAt, costMs, primerRevision, ancestors } = dumped
  const valueJson = JSON.stringify(toJsonForm(dumped.value))
  const chunksExpireAt = hardExpiresAt === null ? null : hardExpiresAt + CHUNK_GRACE_MS
  const as = { id: operation, compression, chunksExpireAt }
  const { body, chunks } = await encodeBody({ key, valueJson, version, modified }, as)
  if (chunks.length > 0) await store.entries.putChunks(key, body.id, chunks, chunksExpireAt, call)

  // As at a compute: what it rests on knows of it before it is there.
  const inputs = inputsOf(product, dumped, entropy)
  await Promise.all(inputs.map(({ node, edge }) => store.lineage.addEdges(dependent(key, edge), [node], call)))
  const value = {
    version,
    modified,
    asOf,
    softExpiresAt,
    hardExpiresAt,
    costMs,
    primerRevision,
    ancestors,
    inputs,
    body,
    contentHash: hash(valueJson),
  }
  const { dirty, failure, history, lastVersion, readAt } = dumped
  const state = {
    dirtyAt: dirty?.at ?? null,
    dirtyCause: dirty?.cause ?? null,
    failure,
    history,
    lastVersion,
    ...(readAt === null ? {} : { readAt }),
  }
  const written = await mutate({ entries: store.entries, clock, entropy }, { key, operation, signal, known }, (entry) =>
    restore(entry, value, state, clock.now()),
  )
  if (!written.applied) {
    await store.entries.deleteChunks(key, body.id, body.chunks)
    return false
  }
  // What read the value that was here before has read another one.
  if (known.row?.value) {
    const change = { id: operation, cause: `load ${key}`, at: clock.now(), nodes: [productNode(key)], products: [] }
    await changes.carry(change, signal)
  }
  return true
}

/** Every key hangs below its primer, whatever it was computed from. */
function inputsOf({ primer }: ProductKey, { inputs }: DumpedEntry, entropy: Entropy): DumpedEntry['inputs'] {
  const own = primerNode(primer.name)
  if (inputs.some(({ node }) => node === own)) return inputs
  return [...inputs, { node: own, version: null, contentHash: null, edge: entropy.id() }]
}

function keyIn(line: unknown): string {
  const key = typeof line === 'object' && line !== null && 'key' in line ? line.key : undefined
  return typeof key === 'string' ? key : ''
}

const numbers = ['version', 'lastVersion', 'modified', 'asOf', 'costMs'] as const

function checked(line: unknown): DumpedEntry {
  const entry = line as Partial<DumpedEntry>
  const isWhole =
    entry.format === 1 &&
    entry.value !== undefined &&
    numbers.every((name) => Number.isFinite(entry[name])) &&
    typeof entry.primerRevision === 'string' &&
    Array.isArray(entry.inputs) &&
    Array.isArray(entry.ancestors) &&
    Array.isArray(entry.history)
  if (isWhole) return entry as DumpedEntry
  throw new KckError('INVALID_BODY', 'This is no entry of a dump: each line is one, as kck dump writes it')
}
