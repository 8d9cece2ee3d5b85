import { emit } from '../events.ts'
import type { Source } from '../ports/source.ts'
import type { ProcessDeps } from '../process/deps.ts'
import { changeRegister, type RegisterDeps } from '../process/register.ts'
import type { Job } from '../process/turn.ts'
import { drain } from './drain.ts'
import { CHANNEL } from './sql.ts'

/** Milliseconds between two looks at an outbox while nobody says that there is something in it. */
const LOOK_MS = 1_000
const AFTER_FAULT_MS = 5_000
/** How soon a process finds out that a source is watched from now on. */
const NOTICE_MS = 10_000

/** What the store remembers of a source that is watched: whoever drains need not ask a database that nobody watches. */
const registerOf = (source: string) => `watch/${source}`

export async function isWatched(store: RegisterDeps['store'], source: string): Promise<boolean> {
  const register = await store.registers.get(registerOf(source))
  return register !== null && (JSON.parse(register.text) as { readonly watched: boolean }).watched
}

export async function noteWatched(deps: RegisterDeps, source: string, watched: boolean): Promise<void> {
  await changeRegister<{ readonly watched: boolean }>(deps, registerOf(source), (state) =>
    (state?.watched ?? false) === watched ? undefined : { watched },
  )
}

/**
 * One job for each source: drains its outbox where it is watched. One process at a time does. `stays`: it goes on looking
 * until it is told to stop, at once where the source says that something came, else every second.
 */
export function watchJobs(deps: ProcessDeps, stays: () => boolean): readonly Job[] {
  return [...deps.sources.values()].map((source) => ({
    name: registerOf(source.name),
    due: { everyMs: NOTICE_MS, cron: null, timeZone: null },
    overlap: 'skip',
    atOnce: true,
    quiet: true,
    run: async ({ signal }) => {
      if (!(await isWatched(deps.store, source.name))) return
      if (stays()) await follow(deps, source, signal)
      else await drain({ kck: deps.kck, source }, signal)
    },
  }))
}

async function follow(deps: ProcessDeps, source: Source, signal: AbortSignal): Promise<void> {
  const { clock } = deps
  const ended = new AbortController()
  const told = new Bell()
  const listening = listen(deps, source, told, AbortSignal.any([signal, ended.signal]))
  try {
    for (let noticed = clock.now(); !signal.aborted; ) {
      await drain({ kck: deps.kck, source }, signal)
      await told.rungWithin(clock, LOOK_MS, signal)
      if (clock.now() - noticed < NOTICE_MS) continue
      if (!(await isWatched(deps.store, source.name))) return
      noticed = clock.now()
    }
  } finally {
    ended.abort()
    await listening
  }
}

/** Until the signal aborts. A connection that is lost is made again; meanwhile there are the looks. */
async function listen({ clock }: ProcessDeps, source: Source, told: Bell, signal: AbortSignal): Promise<void> {
  while (source.listen && !signal.aborted) {
    try {
      await source.listen(CHANNEL, () => told.ring(), signal)
    } catch (error) {
      if (signal.aborted) return
      emit({ type: 'fault', where: `listening to the source ${source.name}`, error })
      await clock.sleep(AFTER_FAULT_MS, signal).catch(() => undefined)
    }
  }
}

/** What rings before somebody waits for it is not missed. */
class Bell {
  #rung = false
  #wake: () => void = () => undefined

  ring(): void {
    this.#rung = true
    this.#wake()
  }

  async rungWithin(clock: ProcessDeps['clock'], ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung) {
      const timer = new AbortController()
      this.#wake = () => timer.abort()
      await clock.sleep(ms, AbortSignal.any([timer.signal, signal])).catch(() => undefined)
      timer.abort()
    }
    this.#rung = false
    this.#wake = () => undefined
  }
}
