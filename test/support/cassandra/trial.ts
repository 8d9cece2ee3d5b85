import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { EntryRow } from '../../../src/entry/entry.ts'
import { KckError } from '../../../src/errors.ts'
import type { EntryStore } from '../../../src/ports/entry-store.ts'
import { emptyRow, nextRow } from '../../conformance/rows.ts'

/** How one call ended. */
export interface Ending {
  /** `ok`, an error's code, or `deadline` when it threw its signal's reason. */
  readonly outcome: string
  readonly ms: number
  /** How long after its deadline it ended, less what this busy process was late itself. */
  readonly overrunMs: number
}

/** Runs `call` with a signal that aborts after `deadlineMs`. Anything but a `KckError` or the reason is thrown on. */
export async function endOf(deadlineMs: number, call: (signal: AbortSignal) => Promise<unknown>): Promise<Ending> {
  const delays = monitorEventLoopDelay({ resolution: 5 })
  delays.enable()
  const signal = AbortSignal.timeout(deadlineMs)
  const start = performance.now()
  let outcome = 'ok'
  try {
    await call(signal)
  } catch (error) {
    if (signal.aborted && error === signal.reason) outcome = 'deadline'
    else if (error instanceof KckError) outcome = error.code
    else throw error
  }
  const ms = performance.now() - start
  delays.disable()
  const late = Number.isFinite(delays.max) ? delays.max / 1e6 : 0
  return { outcome, ms, overrunMs: Math.max(0, ms - deadlineMs - late) }
}

export interface Tally {
  acknowledged: number
  /** Threw: whether it was applied is for the next read to say. */
  unresolved: number
  refused: number
  /** Refused although nobody else writes the key and no earlier write was unresolved. */
  wronglyRefused: number
  slowestMs: number
}

export interface Writers {
  readonly tally: Tally
  stop(): Promise<void>
  /** Acknowledged writes that the store does not have, after everything is well again. */
  lost(entries: EntryStore): Promise<number>
}

/** Writers, each with a key of its own, that compare and set without a pause; what they were told is checked later. */
export function startWriters(entries: EntryStore, count: number, prefix: string): Writers {
  const tally: Tally = { acknowledged: 0, unresolved: 0, refused: 0, wronglyRefused: 0, slowestMs: 0 }
  const revs = new Map<string, number>()
  let running = true
  /** One compare-and-set: the row that stands now, or null when it is to be read. */
  const step = async (key: string, current: EntryRow | null, inDoubt: boolean): Promise<EntryRow | null> => {
    const operation = `${key}-${tally.acknowledged}-${Math.random()}`
    const ops = [...(current?.ops ?? []), operation].slice(-8)
    const next = current ? nextRow(current, { ops }) : emptyRow(key, { ops })
    if (await entries.compareAndSet(current, next)) {
      tally.acknowledged++
      revs.set(key, next.rev)
      return next
    }
    tally.refused++
    if (!inDoubt) tally.wronglyRefused++
    return null
  }
  const write = async (key: string) => {
    let current = await untilRead(entries, key, () => running)
    let inDoubt = false
    while (running) {
      const start = performance.now()
      const next: EntryRow | null = await step(key, current, inDoubt).catch(() => {
        tally.unresolved++
        return null
      })
      tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start)
      inDoubt = next === null
      current = next ?? (await untilRead(entries, key, () => running))
    }
  }
  const writers = Array.from({ length: count }, (_, index) => write(`${prefix}/${index}`))
  return {
    tally,
    async stop() {
      running = false
      await Promise.all(writers)
    },
    async lost(store) {
      let lost = 0
      for (const [key, rev] of revs) {
        const { row } = await store.get(key, { consistency: 'latest' })
        if ((row?.rev ?? 0) < rev) lost++
      }
      return lost
    },
  }
}

async function untilRead(entries: EntryStore, key: string, wanted: () => boolean) {
  while (wanted()) {
    try {
      return (await entries.get(key, { consistency: 'latest' })).row
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return null
}

/** Milliseconds until `call` succeeds again. */
export async function recovery(call: () => Promise<unknown>, withinMs = 15_000): Promise<number> {
  const start = performance.now()
  for (;;) {
    try {
      await call()
      return performance.now() - start
    } catch (error) {
      if (performance.now() - start > withinMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
}

export function figure(row: number | string, text: string): void {
  process.stdout.write(`fault ${row}: ${text}\n`)
}
