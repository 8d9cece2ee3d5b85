import { createHash } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { markedAfter } from '../../src/change/after.ts'
import type { JsonValue } from '../../src/entry/json.ts'
import { asKckError, type ErrorCode, KckError } from '../../src/errors.ts'
import type { ContentEncoding, Fetched, FetchRequest, Kck, SourceChange, Updated } from '../../src/kck/kck.ts'
import { formatKey, formatParameters, parseParameters, splitKey } from '../../src/key/key.ts'
import type { ParameterTypes } from '../../src/key/parameter.ts'
import { int } from '../../src/key/scalar-types.ts'
import { string } from '../../src/key/string-types.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Access, AnyPrimer } from '../../src/primer/definition.ts'
import type { ProductKey, Registry } from '../../src/primer/registry.ts'
import type { Updater } from '../../src/updater/definition.ts'

/** A small cache over plain values that answers like the real one, for tests of the edges. */
export interface FakeKck extends Omit<Kck, 'work'> {
  /** Requests as they reached the core. */
  readonly calls: { readonly method: string; readonly key: string; readonly request?: FetchRequest | undefined }[]
  /** Bodies as they reached the core. */
  readonly updates: { readonly key: string; readonly body: unknown }[]
  readonly changes: readonly SourceChange[]
  /** Makes the value of a key stale, or older by `ms`. */
  age(key: string, ms: number): void
}

export interface FakeOptions {
  readonly clock: Clock
  /** Values that are in the near cache already; others are computed when asked for. */
  readonly near?: Readonly<Record<string, JsonValue>>
}

interface FakeEntry {
  readonly version: number
  readonly modified: number
  asOf: number
  stale: boolean
  readonly value: JsonValue
  readonly body: Fetched['body']
}

const softTtlMs = 60_000
const hardTtlMs = 600_000

export function createFakeKck({ clock, near = {} }: FakeOptions): FakeKck {
  const registry = createFakeRegistry()
  const entries = new Map<string, FakeEntry>()
  const calls: FakeKck['calls'][number][] = []
  const updates: FakeKck['updates'][number][] = []
  const changes: SourceChange[] = []
  for (const [key, value] of Object.entries(near)) entries.set(key, entryOf(key, value, clock.now()))

  function fetchedOf(key: string, entry: FakeEntry, from: Fetched['from']): Fetched {
    const softExpiresAt = entry.asOf + softTtlMs
    const stale = entry.stale || clock.now() >= softExpiresAt
    return {
      key,
      version: entry.version,
      modified: entry.modified,
      asOf: entry.asOf,
      state: stale ? 'stale' : 'fresh',
      staleSince: stale ? Math.min(clock.now(), softExpiresAt) : null,
      staleCause: stale ? 'test' : null,
      softExpiresAt,
      hardExpiresAt: entry.asOf + hardTtlMs,
      contentHash: createHash('sha256').update(JSON.stringify(entry.value)).digest('hex').slice(0, 32),
      from,
      collapsed: false,
      body: entry.body,
    }
  }

  async function fetch(key: string, request: FetchRequest = {}): Promise<Fetched> {
    calls.push({ method: 'fetch', key, request })
    await turn()
    const { primer, parameters, text } = registry.parseKey(key)
    const known = entries.get(text)
    const tooOld = known !== undefined && clock.now() - known.asOf > (request.maxAgeMs ?? Number.POSITIVE_INFINITY)
    if (known !== undefined && !tooOld && request.noCache !== true) return fetchedOf(text, known, 'store')
    if (request.onlyIfCached) throw new KckError('ONLY_IF_CACHED', 'Nothing acceptable is cached')
    const entry = entryOf(text, await compute(primer.name, parameters), clock.now())
    entries.set(text, entry)
    return fetchedOf(text, entry, 'compute')
  }

  return {
    registry,
    calls,
    updates,
    changes,
    // Real ones answer in test/unit/operate.
    operate: {} as Kck['operate'],
    // Real ones answer in test/unit/write.
    writes: {} as Kck['writes'],
    fetch,
    fetchMany: (keys, request) =>
      Promise.all(keys.map((key) => fetch(key, request).catch((error: unknown) => asKckError(error)))),
    peek(key) {
      const entry = entries.get(key)
      const fetched = entry === undefined ? null : fetchedOf(key, entry, 'near')
      return fetched?.state === 'fresh' ? fetched : null
    },
    async get(key) {
      return JSON.parse(Buffer.from(await (await fetch(key)).body.bytes('identity')).toString()).value
    },
    set: () => Promise.resolve({ version: 1 }),
    async invalidate(key) {
      calls.push({ method: 'invalidate', key })
      const entry = entries.get(key)
      if (entry) entry.stale = true
      return entry !== undefined
    },
    async purge(key) {
      calls.push({ method: 'purge', key })
      return entries.delete(key)
    },
    refresh: (key, request) => fetch(key, { ...request, noCache: true }),
    invalidateTags: () => Promise.resolve({ marked: 0, keys: [], after: markedAfter('fake') }),
    async changed(change) {
      changes.push(change)
      return { marked: 0, keys: [], after: markedAfter('fake') }
    },
    async update(updaterKey, body): Promise<Updated> {
      const { updater, parameters } = registry.parseUpdaterKey(updaterKey)
      checkFields(updater, body as Record<string, unknown>)
      updates.push({ key: updaterKey, body })
      const mode = parameters === null ? 'insert' : 'update'
      return {
        updater: updater.name,
        mode,
        rowCount: 1,
        rows: [],
        changed: [],
        changedCount: 0,
        after: markedAfter('fake'),
      }
    },
    health: () => Promise.resolve({ ok: true, parts: { store: { ok: true, ms: 1 } } }),
    close: () => Promise.resolve(),
    age(key, ms) {
      const entry = entries.get(key)
      if (entry) entry.asOf -= ms
    },
  }
}

async function compute(name: string, parameters: Readonly<Record<string, unknown>>): Promise<JsonValue> {
  if (name === 'fails') {
    const cause = new Error('syntax error at or near "selec" in select secret from /srv/app/secret.sql')
    throw new KckError(parameters['code'] as ErrorCode, 'The primer failed', { cause, retryAfterMs: 2500 })
  }
  if (name === 'throws') throw new Error('at /srv/app/secret.ts:1 password=hunter2 select 1')
  if (name === 'hangs') await new Promise(() => {})
  if (name === 'big') return 'x'.repeat(Number(parameters['bytes']))
  return { ...parameters } as JsonValue
}

function entryOf(key: string, value: JsonValue, now: number): FakeEntry {
  const text = JSON.stringify({ key, value, version: now, modified: new Date(now).toISOString() })
  return { version: now, modified: now, asOf: now, stale: false, value, body: bodyOf(Buffer.from(text)) }
}

function bodyOf(plain: Buffer): Fetched['body'] {
  const made = new Map<ContentEncoding, Uint8Array>([['identity', plain]])
  const encoders = { identity: (b: Buffer) => b, gzip: gzipSync, zstd: zstdCompressSync, br: brotliCompressSync }
  return {
    encoding: 'identity',
    length: plain.length,
    bytes(encoding) {
      const bytes = made.get(encoding) ?? encoders[encoding](plain)
      made.set(encoding, bytes)
      return bytes
    },
  }
}

function checkFields(updater: Updater, body: Record<string, unknown>): void {
  const types = updater.body as ParameterTypes
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(types, name))
  if (unknown !== undefined) throw new KckError('INVALID_BODY', 'The body has a field that the updater does not know')
  for (const [name, type] of Object.entries(types)) {
    if (body[name] === undefined && updater.optional.includes(name)) continue
    try {
      type.checkField?.(body[name]) ?? type.check(body[name])
    } catch (cause) {
      throw wrongField(name, cause)
    }
  }
}

function wrongField(field: string, cause: unknown): KckError {
  return new KckError('INVALID_BODY', `The field ${field} is wrong`, { details: { field }, cause })
}

function createFakeRegistry(): Registry {
  const primers = new Map(
    [
      primerOf('customer_orders', { customer_id: int() }),
      primerOf('by_name', { name: string() }),
      primerOf('tenant_orders', { tenant: string({ claim: 'tenant' }) }),
      primerOf('members_only', { id: int() }, 'authenticated'),
      primerOf('staff_only', { id: int() }, { scopes: ['staff'] }),
      primerOf('fails', { code: string() }),
      primerOf('throws', {}),
      primerOf('hangs', {}),
      primerOf('big', { bytes: int() }),
    ].map((primer) => [primer.name, primer]),
  )
  const updaters = new Map(
    [
      updaterOf('customer', { id: int() }, { name: string(), age: int(), id: int() }, ['name', 'age', 'id']),
      updaterOf('tenant_note', {}, { tenant: string({ claim: 'tenant' }), note: string() }, []),
    ].map((updater) => [updater.name, updater]),
  )
  const keyOf = (primer: AnyPrimer, parameters: Readonly<Record<string, unknown>>): ProductKey => ({
    primer,
    parameters,
    text: formatKey(primer.name, formatParameters(primer.parameters, parameters)),
  })
  return {
    primers,
    updaters,
    keyOf,
    parseKey(text) {
      const { name, segments } = splitKey(text)
      const primer = primers.get(name)
      if (primer === undefined) throw new KckError('UNKNOWN_PRODUCT', 'There is no such product')
      return keyOf(primer, parseParameters(name, primer.parameters, segments))
    },
    parseUpdaterKey(text) {
      const { name, segments } = splitKey(text)
      const updater = updaters.get(name)
      if (updater === undefined) throw new KckError('UNKNOWN_UPDATER', 'There is no such updater')
      if (segments.length === 0) return { updater, parameters: null, segments: null }
      return {
        updater,
        parameters: parseParameters(name, updater.key, segments),
        segments: segments.map(decodeURIComponent),
      }
    },
    changedBy: () => [],
    primedBy: () => [],
    declaresReaders: () => false,
  }
}

function primerOf(name: string, parameters: ParameterTypes, access: Access | null = null): AnyPrimer {
  return {
    kind: 'primer',
    name,
    description: `Test product ${name}`,
    parameters,
    source: null,
    statement: null,
    result: { as: 'dicts', jsonpathFirst: null },
    compute: null,
    augment: null,
    softTtlMs,
    hardTtlMs,
    primeOnMiss: null,
    timeoutMs: null,
    access,
    afterUpdates: [],
    afterPrimes: [],
    tags: [],
    schedule: null,
    atBoot: false,
    idleAfterMs: null,
    debounceMs: null,
    maxDelayMs: null,
    replicate: false,
    hooks: {},
    revision: '1',
    file: null,
  }
}

function updaterOf(name: string, key: ParameterTypes, body: ParameterTypes, optional: readonly string[]): Updater {
  return {
    kind: 'updater',
    name,
    description: null,
    key,
    body,
    optional,
    source: null,
    update: null,
    insert: null,
    choose: 'key',
    run: null,
    changes: [],
    mode: 'direct',
    coalesce: null,
    overlay: null,
    access: null,
    hooks: {},
    file: null,
  }
}
