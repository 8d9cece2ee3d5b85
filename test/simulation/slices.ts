import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { concurrently } from '../../src/async/concurrently.ts'
import { type Broken, type Simulated, type SimulateOptions, type Slice, simulateSlice, together } from './simulate.ts'

/**
 * Schedules in one thread. What waits in a killed process for ever keeps signals alive that Node lets go with the thread
 * only (it holds every signal of `AbortSignal.any` that somebody listens to): half a megabyte for each schedule.
 */
const SLICE = 500

/** What a thread is told, and what it says. */
export interface SliceTask extends Pick<SimulateOptions, 'seed' | 'seeds' | 'scenarios' | 'failures'> {
  /** `Date.now()` from which on no other schedule is begun. */
  readonly until: number
}
export type SliceMessage = { readonly broken: Broken } | { readonly slice: Slice }

export interface SlicesOptions extends SliceTask, Pick<SimulateOptions, 'onBroken'> {
  readonly threads: number
}

/** As `simulate`, in slices, `threads` at a time. The same options give the same result, whatever the threads do. */
export async function simulateInSlices(options: SlicesOptions): Promise<Simulated> {
  const { seed, seeds, scenarios, failures, until, onBroken, threads } = options
  const task = { seed, seeds, scenarios, failures, until }
  if (seeds <= SLICE)
    return together([await simulateSlice({ ...task, ...fromTask(task), ...(onBroken && { onBroken }) })])
  let found = 0
  const firsts = Array.from({ length: Math.ceil(seeds / SLICE) }, (_, index) => seed + index * SLICE)
  // Begun in order: when enough is found, everything with an earlier seed is under way, and ends.
  const slices = await concurrently(firsts, threads, async (first): Promise<Slice> => {
    if (found >= failures) return { schedules: 0, broken: [], totals: {} }
    const size = Math.min(SLICE, seed + seeds - first)
    const slice = await inThread({ ...task, seed: first, seeds: size }, (broken) => onBroken?.(broken))
    found += slice.broken.length
    return slice
  })
  return together(slices)
}

/** What a task says in another form. */
export function fromTask({ until }: SliceTask): Pick<SimulateOptions, 'isOver'> {
  return { isOver: () => Date.now() >= until }
}

async function inThread(task: SliceTask, onBroken: (broken: Broken) => void): Promise<Slice> {
  const worker = new Worker(new URL('./slice-main.ts', import.meta.url), { workerData: task })
  let slice: Slice | undefined
  worker.on('message', (message: SliceMessage) => {
    if ('slice' in message) slice = message.slice
    else onBroken(message.broken)
  })
  await once(worker, 'exit')
  if (!slice) throw new Error(`The slice from seed ${task.seed} ended without a result`)
  return slice
}
