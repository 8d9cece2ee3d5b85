import { concurrently } from '../async/concurrently.ts'
import { formatAfter } from '../change/after.ts'
import { hash } from '../entry/body.ts'
import { toJsonForm } from '../entry/json-form.ts'
import { KckError } from '../errors.ts'
import { emit } from '../events.ts'
import { formatKey, formatParameters } from '../key/key.ts'
import type { UpdaterKey } from '../primer/registry.ts'
import { chooseSource } from '../refresh/context.ts'
import { namedProducts } from '../update/update.ts'
import type { Accepted, AcceptRequest, ParkedWrite, Waiting, WriteLimits, WriteStatus, Writes } from './api.ts'
import { endOfLog } from './end-of-log.ts'
import { LogTail } from './log-tail.ts'
import { show, takeBack } from './overlays.ts'
import type { WriteWorkerDeps } from './pass.ts'
import { isIn, numbersIn } from './ranges.ts'
import { readyOf } from './ready.ts'
import {
  type Logged,
  type Outcome,
  type Place,
  parsePublicId,
  parseRecord,
  publicId,
  recordText,
  SHARDS,
  shardOf,
  type WaitingWrite,
} from './record.ts'
import { hasParked, letGo } from './settle.ts'
import { changeShard, readShard, type ShardState, withParked } from './shard.ts'
import { WriteWorker } from './write-worker.ts'

const FIRST_POLL_MS = 20
const LAST_POLL_MS = 500
/** A write retried again and again has a new id each time. */
const LONGEST_CHAIN = 32
const PAGE = 100

export function createWrites(deps: WriteWorkerDeps, limits: WriteLimits): Writes {
  return new CachedWrites(deps, limits)
}

class CachedWrites implements Writes {
  readonly worker: WriteWorker
  readonly #deps: WriteWorkerDeps
  readonly #limits: WriteLimits
  readonly #tails: readonly LogTail[]

  constructor(deps: WriteWorkerDeps, limits: WriteLimits) {
    this.#deps = deps
    this.#limits = limits
    this.#tails = Array.from({ length: SHARDS }, (_, shard) => new LogTail(deps, limits, shard))
    this.worker = new WriteWorker(deps)
  }

  async accept(updaterKey: string, rawBody: unknown, request: AcceptRequest = {}): Promise<Accepted> {
    const id =
      request.idempotencyKey === undefined
        ? this.#deps.entropy.id()
        : hash(JSON.stringify([updaterKey, request.idempotencyKey]))
    const at = this.#deps.clock.now()
    const asked = { id, updater: updaterKey, order: '', body: rawBody as WaitingWrite['body'], at, overlaid: [] }
    const ready = readyOf(this.#deps, asked)
    const body = toJsonForm(rawBody) as WaitingWrite['body']
    chooseSource(this.#deps.sources, ready.target.updater.source)
    const order = orderOf(ready.target, ready.body, id)
    const overlaid = this.#overlaid(ready.target, ready.body)
    const write: WaitingWrite = { id, updater: updaterKey, order, body, at, overlaid }
    const bytes = Buffer.byteLength(JSON.stringify(write))
    if (bytes > this.#limits.maxWriteBytes) {
      throw new KckError('TOO_LARGE', `A write that waits has at most ${this.#limits.maxWriteBytes} bytes`, {
        details: { limit: this.#limits.maxWriteBytes },
      })
    }
    return this.#append(write)
  }

  async #append(write: WaitingWrite): Promise<Accepted> {
    const shard = shardOf(write.order)
    const { position, index } = await (this.#tails[shard] as LogTail).accept(write)
    const place = { shard, position, index, id: write.id }
    emit({ type: 'write', action: 'accepted', id: write.id, updater: write.updater })
    const shown = await this.#show(write, place)
    this.worker.wake()
    const id = publicId(place)
    return { id, updater: write.updater, shown, after: formatAfter({ kind: 'write', id }) }
  }

  /** After the write is safe: one that is shown and was never accepted would be shown for ever. */
  async #show(write: WaitingWrite, place: Place): Promise<readonly string[]> {
    if (write.overlaid.length === 0) return []
    const shown: string[] = []
    try {
      await concurrently(write.overlaid, 8, async (key) => {
        if (await show(this.#deps, key, write)) shown.push(key)
        this.#deps.outdated(key)
      })
      // Whoever applied it in the meantime had nothing to end.
      const { done } = await readShard(this.#deps, place.shard)
      if (done < place.position) return shown
      await concurrently(write.overlaid, 8, async (key) => {
        await takeBack(this.#deps, key, new Set([write.id]))
        this.#deps.outdated(key)
      })
      return []
    } catch (error) {
      // It is accepted whatever readers see of it.
      emit({ type: 'fault', where: 'showing a cached write', error })
      return []
    }
  }

  #overlaid(target: UpdaterKey, body: Readonly<Record<string, unknown>>): readonly string[] {
    if (target.updater.overlay === null) return []
    const named = namedProducts(this.#deps.registry, target, body, []) ?? []
    return [...new Set(named.map((product) => product.text))]
  }

  async status(text: string): Promise<WriteStatus | null> {
    let id = text
    for (let link = 0; link < LONGEST_CHAIN; link++) {
      const found = await this.#find(id)
      if (!found) return null
      const { write, outcome } = found
      const status = {
        id: text,
        updater: write.updater,
        body: write.body,
        acceptedAt: write.at,
        ...(id === text ? {} : { as: id }),
      }
      if (outcome?.state !== 'retried') return { ...status, ...stateOf(found.state, found.place.position, outcome) }
      id = outcome.as
    }
    return null
  }

  readonly until = async (id: string, signal: AbortSignal): Promise<void> => {
    const { clock } = this.#deps
    this.worker.wake()
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(LAST_POLL_MS, pause * 2)) {
      signal.throwIfAborted()
      const place = parsePublicId(id)
      if (!place || place.shard >= SHARDS)
        throw new KckError('BAD_REQUEST', 'KCK-After names a write that nobody accepted')
      if ((await readShard(this.#deps, place.shard, signal)).done >= place.position) return
      await clock.sleep(pause, signal)
    }
  }

  async parked(limit = PAGE): Promise<readonly ParkedWrite[]> {
    const found: ParkedWrite[] = []
    for (let shard = 0; shard < SHARDS && found.length < limit; shard++) {
      const state = await readShard(this.#deps, shard)
      for (const position of numbersIn(state.parked)) {
        if (found.length >= limit) break
        const record = await this.#record(shard, position)
        if (record) found.push(...parkedIn(shard, record))
      }
    }
    return found.slice(0, limit)
  }

  async retry(id: string): Promise<string> {
    const { write, place, record } = await this.#parkedWrite(id)
    // Under its old id for the source: were it accepted twice, it would be applied once.
    const again = await this.#append({ ...write, at: this.#deps.clock.now() })
    await this.#resolve(place, record, { state: 'retried', at: this.#deps.clock.now(), as: again.id })
    return again.id
  }

  async discard(id: string): Promise<void> {
    const { write, place, record } = await this.#parkedWrite(id)
    await this.#resolve(place, record, { state: 'discarded', at: this.#deps.clock.now() })
    emit({ type: 'write', action: 'discarded', id: write.id, updater: write.updater })
  }

  async waiting(): Promise<Waiting> {
    const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => this.#waitingIn(shard)))
    const troubles = shards.flatMap(({ state }) => (state.trouble ? [state.trouble] : []))
    const oldest = troubles.toSorted((a, b) => a.at - b.at)[0]
    return {
      writes: shards.reduce((sum, { writes }) => sum + writes, 0),
      bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
      parkedRecords: shards.reduce((sum, { state }) => sum + [...numbersIn(state.parked)].length, 0),
      trouble: oldest ? { code: oldest.code, message: oldest.message, since: oldest.at } : null,
    }
  }

  async #waitingIn(shard: number) {
    const state = await readShard(this.#deps, shard)
    const { done: position, total: done } = state
    const { total } = await endOfLog(this.#deps.store.writeQueue, shard, { position, total: done })
    return { state, writes: total.count - done.count, bytes: total.bytes - done.bytes }
  }

  async #find(id: string): Promise<Found | null> {
    const place = parsePublicId(id)
    if (!place || place.shard >= SHARDS) return null
    const state = await readShard(this.#deps, place.shard)
    const record = await this.#record(place.shard, place.position)
    const write = record?.writes[place.index]
    if (!record || write?.id !== place.id) return null
    return { place, state, record, write, outcome: record.outcomes[place.index] }
  }

  async #record(shard: number, position: number): Promise<Logged | null> {
    const [record] = await this.#deps.store.writeQueue.read(shard, position - 1, 1)
    return record ? parseRecord(record) : null
  }

  async #parkedWrite(id: string): Promise<Found> {
    const found = await this.#find(id)
    if (found?.outcome?.state === 'parked' && isIn(found.state.parked, found.place.position)) return found
    throw new KckError('NOT_FOUND', 'There is no parked write of this id; see kck writes')
  }

  async #resolve({ shard, position, index }: Place, record: Logged, outcome: Outcome): Promise<void> {
    const { store, entropy } = this.#deps
    const next = { ...record, outcomes: { ...record.outcomes, [index]: outcome } }
    const text = { text: recordText(next), operation: entropy.id(), removeAt: null }
    if (!(await store.writeQueue.replace(shard, record, text))) {
      throw new KckError('CONFLICT', 'Somebody else has just changed what became of this write; look again')
    }
    if (hasParked(next)) return
    await changeShard(this.#deps, shard, (state) => ({ ...state, parked: withParked(state.parked, [], [position]) }))
    await letGo(this.#deps, shard, { ...next, rev: record.rev + 1 })
  }
}

interface Found {
  readonly place: Place
  readonly state: ShardState
  readonly record: Logged
  readonly write: WaitingWrite
  readonly outcome: Outcome | undefined
}

function stateOf(
  state: ShardState,
  position: number,
  outcome: Outcome | undefined,
): Pick<WriteStatus, 'state' | 'error'> {
  if (position > state.done) return { state: 'accepted' }
  if (outcome?.state === 'discarded') return { state: 'discarded' }
  // What a process wrote down that had lost the log by then does not count.
  if (outcome?.state !== 'parked' || !isIn(state.parked, position)) return { state: 'applied' }
  return { state: 'parked', error: { code: outcome.code, message: outcome.message } }
}

function parkedIn(shard: number, record: Logged): readonly ParkedWrite[] {
  return record.writes.flatMap((write, index) => {
    const outcome = record.outcomes[index]
    if (outcome?.state !== 'parked') return []
    const id = publicId({ shard, position: record.position, index, id: write.id })
    const { code, message, at } = outcome
    const { updater, body, at: acceptedAt } = write
    return [{ id, updater, state: 'parked', acceptedAt, body, parkedAt: at, error: { code, message } } as const]
  })
}

/** Writes of a row follow each other; those that make a new one need not. */
function orderOf(
  { updater, parameters, segments }: UpdaterKey,
  body: Readonly<Record<string, unknown>>,
  id: string,
): string {
  if (updater.choose !== 'key') {
    const row = body[updater.choose.field]
    return row === null || row === undefined ? id : `${updater.name}?${String(row)}`
  }
  if (parameters === null) return id
  const types = Object.keys(updater.key).length > 0
  return formatKey(updater.name, types ? formatParameters(updater.key, parameters) : (segments ?? []))
}
