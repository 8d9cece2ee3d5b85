import { asKckError, type KckError } from '../errors.ts'
import { emit } from '../events.ts'
import type { Source } from '../ports/source.ts'
import { chooseSource } from '../refresh/context.ts'
import type { UpdateDeps } from '../update/update.ts'
import { applyBatch } from './apply.ts'
import { isOfLedger } from './ledger.ts'
import type { OverlayDeps } from './overlays.ts'
import { type Ready, readyOf } from './ready.ts'
import type { Outcome, WaitingWrite } from './record.ts'
import { refusalOf } from './refusal.ts'
import type { ShardDeps, Trouble } from './shard.ts'

export interface WriteWorkerDeps extends UpdateDeps, OverlayDeps, ShardDeps {
  readonly store: UpdateDeps['store']
  /** What this process knows of a product's overlays is outdated. */
  readonly outdated: (key: string) => void
}

const FIRST_RETRY_MS = 500
export const LAST_RETRY_MS = 30_000
/** A write that fails so often in a row, while the source answers, is parked. */
const PARK_AFTER = 5

/** One attempt at the writes of some records. */
export class Pass {
  readonly refused = new Map<string, Outcome>()
  trouble: Trouble | null = null
  readonly #deps: WriteWorkerDeps
  readonly #shard: number
  readonly #before: Trouble | null
  readonly #signal: AbortSignal
  /** Keys whose next write has to wait. */
  readonly #held = new Set<string>()

  constructor(deps: WriteWorkerDeps, shard: number, before: Trouble | null, signal: AbortSignal) {
    this.#deps = deps
    this.#shard = shard
    this.#before = before
    this.#signal = signal
  }

  async apply(waiting: readonly WaitingWrite[]): Promise<void> {
    const bySource = Map.groupBy(
      waiting.flatMap((write) => this.#ready(write)),
      ({ source }) => source,
    )
    for (const [source, all] of bySource)
      await this.#applyTo(
        source,
        all.map(({ ready }) => ready),
      )
  }

  #ready(write: WaitingWrite): readonly { readonly ready: Ready; readonly source: Source }[] {
    try {
      const ready = readyOf(this.#deps, write)
      return [{ ready, source: chooseSource(this.#deps.sources, ready.target.updater.source) }]
    } catch (error) {
      this.#park(write, asKckError(error))
      return []
    }
  }

  /** All together; one by one when something is wrong with one of them. */
  async #applyTo(source: Source, writes: readonly Ready[]): Promise<void> {
    if (writes.length > 1 && (await this.#applyTogether(source, writes))) return
    for (const ready of writes) {
      if (this.#held.has(ready.write.order)) continue
      try {
        await applyBatch(this.#deps, { shard: this.#shard, source, writes: [ready] }, this.#signal)
      } catch (error) {
        this.#signal.throwIfAborted()
        if (await this.#judge(source, ready.write, error)) return
      }
    }
  }

  /** False: one of them is at fault. */
  async #applyTogether(source: Source, writes: readonly Ready[]): Promise<boolean> {
    try {
      await applyBatch(this.#deps, { shard: this.#shard, source, writes }, this.#signal)
      return true
    } catch (error) {
      this.#signal.throwIfAborted()
      if (!(await this.#isDown(source, error))) return false
      this.#fail(error, null)
      return true
    }
  }

  /** True: the source is down, and no other write will fare better. */
  async #judge(source: Source, write: WaitingWrite, error: unknown): Promise<boolean> {
    const refusal = refusalOf(error)
    if (refusal) {
      this.#park(write, refusal)
      return false
    }
    if (await this.#isDown(source, error)) {
      this.#fail(error, null)
      return true
    }
    const again = this.#before?.write === write.id ? this.#before.failures + 1 : 1
    if (again >= PARK_AFTER) this.#park(write, asKckError(error))
    else {
      this.#held.add(write.order)
      this.#fail(error, write.id)
    }
    return false
  }

  /** Whether it is the source, or the store, that fails, rather than the write. */
  async #isDown(source: Source, error: unknown): Promise<boolean> {
    if (refusalOf(error)) return false
    const { code } = asKckError(error)
    if (code === 'SOURCE_BUSY' || code === 'STORE_UNAVAILABLE' || isOfLedger(error)) return true
    try {
      await source.ping({ signal: this.#signal })
      return false
    } catch {
      this.#signal.throwIfAborted()
      return true
    }
  }

  #park(write: WaitingWrite, error: KckError): void {
    const at = this.#deps.clock.now()
    this.refused.set(write.id, { state: 'parked', at, code: error.code, message: error.message })
    emit({ type: 'write', action: 'parked', id: write.id, updater: write.updater, code: error.code, error })
  }

  #fail(thrown: unknown, write: string | null): void {
    if (this.trouble) return
    const error = asKckError(thrown)
    const { clock } = this.#deps
    const failures = this.#before && this.#before.write === write ? this.#before.failures + 1 : 1
    const retryMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
    const at = clock.now()
    this.trouble = { at, code: error.code, message: error.message, failures, retryAt: at + retryMs, write }
    emit({ type: 'write', action: 'delayed', id: write, updater: null, code: error.code, error })
  }
}
