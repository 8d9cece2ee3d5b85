import type { EntryRow, Lease, StoredEntry } from '../../src/entry/entry.ts'
import { pendingMarks } from '../../src/entry/freshness.ts'
import { type ErrorCode, KckError } from '../../src/errors.ts'
import type { Answer } from '../../src/fetch/answer.ts'
import type { Fetched, FetchRequest } from '../../src/kck/kck.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { RefreshQueue } from '../../src/ports/refresh-queue.ts'
import type { Store } from '../../src/ports/store.ts'
import type { Figures } from './figures.ts'
import { storedValue } from './observed-store.ts'
import { contains, expectedOf, HARD_TTL_MS, isSame, productOf, SOFT_TTL_MS, type Value } from './products.ts'
import type { Scenario } from './scenarios.ts'
import type { Truth } from './truth.ts'

/** What a caller may hear when something else than KCK is to blame. */
const HONEST: ReadonlySet<ErrorCode> = new Set([
  'STORE_UNAVAILABLE',
  'SOURCE_UNAVAILABLE',
  'COMPUTE_FAILED',
  'DEADLINE_EXCEEDED',
  'ONLY_IF_CACHED',
  'NOT_SET',
])

/** Products that nobody tells of changes: they are as old as their TTL allows, and what rests on them too. */
const BY_AGE = new Set(['soft', 'hard', 'softly'])
/** Of these a compute reads the source itself. */
const DIRECT = new Set(['leaf', 'tagged', 'plain', 'soft', 'hard'])

export interface Asked {
  readonly key: string
  readonly request: FetchRequest
  /** Milliseconds, of no process's clock. */
  readonly begin: number
  readonly process: string
}

/** A second, with jitter, and its way to the store. */
const LEAST_BACK_OFF_MS = 700

/** What the checks look at. */
export interface Observed {
  readonly scenario: Scenario
  readonly startedAt: number
  readonly clock: Clock
  readonly figures: Figures
  readonly truth: Truth
  readonly store: Store
  readonly queue: RefreshQueue
  readonly rows: ReadonlyMap<string, EntryRow>
  readonly trace: ((line: string) => void) | null
}

interface Acknowledged {
  readonly n: number
  readonly at: number
  readonly by: string
}

/** Changes known by then are in a fresh answer: announced by anybody, or by the process that answers. */
interface Since {
  readonly all: number
  readonly own: number
  readonly by: string
}

/** What one reader has seen of each key. */
export type Memory = Map<string, { readonly version: number; readonly at: number }[]>

/** Compares what happens with what is promised, at the moment it happens. */
export class Checks {
  readonly violations: string[] = []
  readonly #world: Observed
  /** Changes whose announcement was acknowledged: per variable, in order of time. */
  readonly #acknowledged = new Map<string, Acknowledged[]>()
  /** Computes under way, by key. */
  readonly #computing = new Map<string, Set<string>>()
  /** Keys of which a lease was taken over or fenced out: an older compute may still run. */
  readonly #takenOver = new Set<string>()
  /** When the last compute of a key failed. */
  readonly #failedAt = new Map<string, number>()
  /** Changes that a key's value does not hold yet. */
  #owed: { readonly key: string; readonly floor: Value; readonly at: number }[] = []

  constructor(world: Observed) {
    this.#world = world
  }

  // What happens in the shared world

  changed(variable: string): void {
    const { truth, rows, clock, figures } = this.#world
    const at = clock.now()
    figures.changes += 1
    for (const [key, row] of rows) {
      const { product, id, name } = productOf(key)
      if (BY_AGE.has(name) || !row.value || !product.variables(id).includes(variable)) continue
      this.#owed.push({ key, floor: expectedOf(key, (other) => truth.value(other)), at })
    }
  }

  /** `by`: the process that said so; it has forgotten what it remembered before. */
  acknowledged(variable: string, n: number, by: string): void {
    const list = this.#acknowledged.get(variable) ?? []
    list.push({ n, at: this.#now, by })
    this.#acknowledged.set(variable, list)
  }

  /** Every change of a row. */
  applied(previous: EntryRow | null, next: EntryRow): void {
    this.#checkLease(previous?.lease ?? null, next)
    if (next.failure && next.failure.attempts !== previous?.failure?.attempts) this.#failedAt.set(next.key, this.#now)
    if (isRestamped(previous, next)) this.#world.figures.cutoffs += 1
    if (next.value?.builtEpoch === next.epoch && this.#owed.length > 0) this.#pay(next)
    if (next.value || !previous?.value) return
    // Only a purge takes a value away, and then nobody is served an old one.
    if (productOf(next.key).name !== 'plain') this.#violation(`${next.key} lost its last good value`)
    this.#owed = this.#owed.filter(({ key }) => key !== next.key)
  }

  #checkLease(before: Lease | null, { key, lease: after, ops }: EntryRow): void {
    if (!before || before.token === after?.token) return
    if (after && before.until - 2 * this.#world.scenario.skewMs > this.#now) {
      this.#violation(`lease of ${key} was taken from ${before.token} while it lived`)
    }
    if (after || !ops.at(-1)?.startsWith(before.token)) this.#takenOver.add(key)
  }

  #pay(row: EntryRow): void {
    const value = storedValue(row) as Value
    const { figures } = this.#world
    this.#owed = this.#owed.filter(({ key, floor, at }) => {
      if (key !== row.key || !contains(value, floor)) return true
      figures.lags.push(this.#now - at)
      return false
    })
  }

  computeBegins(process: string, key: string): () => void {
    this.#world.figures.computes += 1
    const others = this.#computing.get(key) ?? new Set()
    const lease = this.#world.rows.get(key)?.lease
    for (const other of others) {
      const isItsLease = lease?.token.startsWith(other) && lease.until > this.#now
      if (other !== process && isItsLease && !this.#takenOver.has(key) && this.#isAlwaysStored) {
        this.#violation(`${process} computes ${key} while ${other} does and holds the lease`)
      }
    }
    const failedMs = this.#now - (this.#failedAt.get(key) ?? Number.NEGATIVE_INFINITY)
    if (failedMs < LEAST_BACK_OFF_MS && this.#world.scenario.skewMs === 0 && this.#isAlwaysStored) {
      this.#violation(`${key} is computed again ${failedMs} ms after it failed`)
    }
    others.add(process)
    this.#computing.set(key, others)
    return () => others.delete(process)
  }

  /** Where the store did not answer, it was made for one caller and kept by nobody. */
  get #isAlwaysStored(): boolean {
    const { lostRequest, lostAnswer } = this.#world.scenario.faults
    return lostRequest + lostAnswer === 0
  }

  killed(process: string): void {
    for (const others of this.#computing.values()) others.delete(process)
  }

  // What a reader hears

  async answered(answer: Fetched, asked: Asked, memory: Memory): Promise<void> {
    const { figures, scenario } = this.#world
    figures.answers += 1
    const { key, begin } = asked
    const value = JSON.parse(Buffer.from(await answer.body.bytes('identity')).toString()).value as Value
    const all = begin - (answer.from === 'near' ? scenario.nearCacheMs : 0)
    const since: Since = { all, own: begin, by: asked.process }
    const says = `${key} was answered ${JSON.stringify(value)} (${answer.state}, ${answer.from}, version ${answer.version})`
    if (!this.#isUnstored(answer)) this.#checkOrder(answer, { says, since: all, memory })
    if (answer.state === 'fresh') this.#checkFresh(value, { says, since, key })
    this.#checkAge(value, { says, since: all, key })
    this.#checkAsked(value, asked, says)
  }

  failed(error: unknown, asked: Asked): void {
    this.#world.figures.errors += 1
    if (error instanceof KckError && HONEST.has(error.code)) return
    this.#violation(`${asked.key} was answered with ${error instanceof KckError ? error.code : ''} ${error}`)
  }

  #checkOrder(answer: Fetched, at: { readonly says: string; readonly since: number; readonly memory: Memory }): void {
    const seen = at.memory.get(answer.key) ?? []
    const newest = Math.max(0, ...seen.filter((other) => other.at <= at.since).map(({ version }) => version))
    if (answer.version < newest) this.#violation(`${at.says} after version ${newest}`)
    seen.push({ version: answer.version, at: this.#now })
    at.memory.set(answer.key, seen)
  }

  #checkFresh(value: Value, at: { readonly says: string; readonly since: Since; readonly key: string }): void {
    const { product, id, name } = productOf(at.key)
    const floor = expectedOf(at.key, (variable) => this.#acknowledgedAt(variable, at.since))
    if (!contains(value, floor) && name !== 'softly')
      this.#violation(`${at.says} without ${JSON.stringify(floor)}, announced before`)
    if (product.agrees?.(value) !== false) return
    const isMoving = product.variables(id).some((variable) => this.#isMoving(variable, at.since))
    // What fails may end in a mix that the change on its way repairs; what is only slow may not.
    if (isMoving && !this.#isAlwaysStored) this.#world.figures.mixed += 1
    else this.#violation(`${at.says}, a mix of old and new`)
  }

  #checkAge(value: Value, at: { readonly says: string; readonly since: number; readonly key: string }): void {
    const { truth, scenario } = this.#world
    const { name, id } = productOf(at.key)
    if (name !== 'hard') return
    const superseded = truth.supersededAt(`flaky/${id}`, value['n'] as number)
    if (superseded !== undefined && at.since >= superseded + HARD_TTL_MS + 2 * scenario.skewMs) {
      this.#violation(`${at.says} past its hard expiry`)
    }
  }

  #checkAsked(value: Value, { key, request, begin }: Asked, says: string): void {
    const { truth, scenario } = this.#world
    const ageMs = request.noCache ? 0 : request.maxAgeMs
    if (ageMs === undefined || !DIRECT.has(productOf(key).name)) return
    const floor = expectedOf(key, (variable) => truth.valueAt(variable, begin - ageMs - 2 * scenario.skewMs))
    if (!contains(value, floor)) this.#violation(`${says} although at most ${ageMs} ms of age were asked for`)
  }

  // At rest

  /** Keys that changed, or are just computed, and are not fresh again. */
  async dirtyKeys(): Promise<readonly string[]> {
    const { store, rows } = this.#world
    const entries = await store.entries.getMany([...rows.keys()], { consistency: 'latest' })
    const isLeased = (row: EntryRow | null) =>
      row?.lease != null && row.lease.until + this.#world.scenario.skewMs > this.#now
    return entries.filter((entry) => isLeased(entry.row) || isDirty(entry)).map((entry) => entry.key)
  }

  /** Nothing is owed any more: no lost refresh, nothing wrong that counts as right. */
  async rest(): Promise<void> {
    for (const key of await this.dirtyKeys()) {
      const { row } = await this.#world.store.entries.get(key)
      const lease = row?.lease ? `, leased to ${row.lease.token}` : ''
      this.#violation(`at rest: ${key} is dirty (${row?.dirtyCause ?? 'marked'}${lease}), and nobody refreshes it`)
    }
    for (const [key, row] of this.#world.rows) this.#checkStored(key, row)
    const depth = Object.values(await this.#world.queue.depth()).reduce((sum, lane) => sum + lane, 0)
    if (depth > 0) this.#violation(`at rest: ${depth} messages wait`)
  }

  #checkStored(key: string, row: EntryRow): void {
    if (!row.value || row.value.builtEpoch !== row.epoch || BY_AGE.has(productOf(key).name)) return
    const value = storedValue(row) as Value
    const expected = expectedOf(key, (variable) => this.#world.truth.value(variable))
    if (isSame(value, expected)) return
    this.#violation(`at rest: ${key} counts as clean with ${JSON.stringify(value)}, not ${JSON.stringify(expected)}`)
  }

  /** Who reads now gets what the sources say. */
  settled(key: string, answer: Fetched, value: Value): void {
    const { truth } = this.#world
    const expected = expectedOf(key, (variable) => truth.value(variable))
    if (!isSame(value, expected)) {
      this.#violation(`in the end ${key} is ${JSON.stringify(value)}, not ${JSON.stringify(expected)}`)
    }
    if (answer.state !== 'fresh' && !BY_AGE.has(productOf(key).name)) {
      this.#violation(`in the end ${key} is ${answer.state}: ${answer.staleCause}`)
    }
  }

  violation(text: string): void {
    this.#violation(text)
  }

  #isMoving(variable: string, since: Since): boolean {
    return this.#world.truth.value(variable) > this.#acknowledgedAt(variable, since)
  }

  #acknowledgedAt(variable: string, since: Since): number {
    const { truth, scenario } = this.#world
    // Nobody announces it, but it is fresh for no longer than this.
    const ttl = variable.startsWith('flaky/') ? 5_000 : variable.startsWith('hidden/soft') ? SOFT_TTL_MS : null
    if (ttl !== null) return truth.valueAt(variable, since.all - ttl - 2 * scenario.skewMs)
    const known = this.#acknowledged
      .get(variable)
      ?.filter((change) => change.at <= since.all || (change.by === since.by && change.at <= since.own))
    return Math.max(0, ...(known ?? []).map((change) => change.n))
  }

  // Made while the store did not answer, and kept by nobody.
  #isUnstored(answer: Fetched): boolean {
    return (answer as Answer).value.body.id === ''
  }

  get #now(): number {
    return this.#world.clock.now()
  }

  #violation(text: string): void {
    this.violations.push(`${((this.#now - this.#world.startedAt) / 1_000).toFixed(3)}: ${text}`)
    this.#world.trace?.(`VIOLATION ${text}`)
  }
}

function isDirty(entry: StoredEntry): boolean {
  const { row } = entry
  return row?.value != null && (row.value.builtEpoch !== row.epoch || pendingMarks(entry).length > 0)
}

/** Found to be as it was, without a compute. */
function isRestamped(previous: EntryRow | null, next: EntryRow): boolean {
  const [before, after] = [previous?.value, next.value]
  return before != null && after?.asOf === before.asOf && after.builtEpoch !== before.builtEpoch
}
