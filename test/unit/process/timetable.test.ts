import { describe, expect, test } from 'vitest'
import { createMemoryRegisters } from '../../../src/adapters/memory/registers.ts'
import type { Registers } from '../../../src/ports/registers.ts'
import { type Due, nextDue } from '../../../src/process/schedule.ts'
import { Timetable } from '../../../src/process/timetable.ts'
import type { Job, JobRun } from '../../../src/process/turn.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { recordEvents } from '../../support/kck.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const every = (everyMs: number): Due => ({ everyMs, cron: null, timeZone: null })

function world(start = '2026-01-01T00:00:30Z') {
  const clock = new VirtualClock(Date.parse(start))
  const registers = createMemoryRegisters(clock)
  let processes = 0
  return {
    clock,
    registers,
    /** A process with these jobs, as long as it is not killed or stopped. */
    process(jobs: readonly Job[]) {
      const link = cuttable(registers)
      const entropy = new SeededEntropy(++processes, `p${processes}`)
      const timetable = new Timetable({ store: link, clock, entropy }, jobs)
      const stop = new AbortController()
      const loop = async () => {
        while (!stop.signal.aborted) {
          timetable.startDue(stop.signal)
          const quietMs = Math.min(60_000, Math.max(1_000, timetable.quietUntil - clock.now()))
          await clock.sleep(quietMs, stop.signal).catch(() => undefined)
        }
      }
      const ended = loop()
      const kill = () => {
        link.cut()
        stop.abort()
      }
      return { kill, stop: () => stop.abort(), ended }
    },
  }
}

/** Registers that are never heard of again once they are cut: what a process sees of its own death. */
function cuttable(inner: Registers) {
  let cut = false
  const unlessCut = <T>(work: () => Promise<T>) => (cut ? new Promise<T>(() => undefined) : work())
  const registers: Registers = {
    get: (name, options) => unlessCut(() => inner.get(name, options)),
    compareAndSet: (name, rev, next, options) => unlessCut(() => inner.compareAndSet(name, rev, next, options)),
  }
  return {
    registers,
    cut: () => {
      cut = true
    },
  }
}

function job(due: Due, run: (run: JobRun) => Promise<void>, more: Partial<Job> = {}): Job {
  return { name: 'process/test', due, overlap: 'skip', run, ...more }
}

describe('each due time is done once', () => {
  const week = [
    { name: 'when clocks go forward', start: '2026-03-26T00:00:00Z' },
    { name: 'when clocks go back', start: '2026-10-22T00:00:00Z' },
  ]
  test.each(week)('by two processes, in the week $name', async ({ start }) => {
    const dues: Due[] = [
      every(45 * MINUTE),
      { everyMs: null, cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
      { everyMs: null, cron: '0 * * * *', timeZone: 'Europe/Berlin' },
    ]
    const { clock, process } = world(start)
    const runs = dues.map((): number[] => [])
    const jobs = dues.map((due, index) =>
      job(
        due,
        async (run) => {
          runs[index]?.push(run.due)
          await clock.sleep(20_000)
        },
        { name: `process/${index}` },
      ),
    )
    const startedAt = clock.now()
    const processes = [process(jobs), process(jobs)]
    await clock.advance(7 * 24 * HOUR + 30_000)
    for (const one of processes) one.stop()
    const expected = dues.map((due) => {
      const times: number[] = []
      for (let next = nextDue(due, startedAt); next !== null && next <= startedAt + 7 * 24 * HOUR; ) {
        times.push(next)
        next = nextDue(due, next)
      }
      return times
    })
    expect(runs).toEqual(expected)
  })

  test('and nothing is due when a job is seen for the first time', async () => {
    const { clock, process } = world()
    const runs: number[] = []
    process([job(every(HOUR), async ({ due }) => void runs.push(due))])
    await clock.advance(HOUR - MINUTE)
    expect(runs).toEqual([])
    await clock.advance(2 * MINUTE)
    expect(runs).toEqual([Date.parse('2026-01-01T01:00:00Z')])
  })

  test('and what was missed while no process ran is made up for once', async () => {
    const { clock, process } = world()
    const runs: number[] = []
    const jobs = [job(every(MINUTE), async ({ due }) => void runs.push(due))]
    process(jobs).kill()
    await clock.advance(10 * MINUTE)
    const first = process(jobs)
    await clock.advance(1_000)
    first.stop()
    await clock.advance(10 * MINUTE)
    process(jobs)
    await clock.advance(1_000)
    expect(runs).toEqual([Date.parse('2026-01-01T00:20:00Z')])
  })
})

describe('a run', () => {
  test('whose process is killed is done again by another one, for the same time', async () => {
    const { clock, process } = world()
    const runs: string[] = []
    const jobOf = (name: string) => [
      job(every(HOUR), async ({ due }) => {
        runs.push(`${name} begins ${new Date(due).toISOString().slice(11, 16)}`)
        await clock.sleep(5 * MINUTE)
        runs.push(`${name} ends`)
      }),
    ]
    const first = process(jobOf('first'))
    await clock.advance(HOUR - 20_000)
    first.kill()
    process(jobOf('second'))
    await clock.advance(25_000)
    expect(runs).toEqual(['first begins 01:00'])
    await clock.advance(10 * MINUTE)
    expect(runs.slice(1)).toEqual(['second begins 01:00', 'first ends', 'second ends'])
    await clock.advance(HOUR)
    expect(runs.slice(4)).toEqual(['second begins 02:00', 'second ends'])
  })

  test('that is done again is for its own time, although the next one has passed', async () => {
    const { clock, process } = world()
    const runs: string[] = []
    const jobs = [
      job(
        every(20_000),
        async ({ due }) => {
          runs.push(new Date(due).toISOString().slice(14, 19))
          if (runs.length === 1) await clock.sleep(HOUR)
        },
        { overlap: 'queue' },
      ),
    ]
    const first = process(jobs)
    await clock.advance(15_000)
    first.kill()
    process(jobs)
    await clock.advance(50_000)
    expect(runs).toEqual(['00:40', '00:40', '01:00', '01:20'])
  })

  test('that is stopped in the middle is taken up by another process at once', async () => {
    const { clock, process } = world()
    const runs: string[] = []
    const jobOf = (name: string) => [
      job(every(HOUR), async ({ due, signal }) => {
        runs.push(`${name} ${new Date(due).toISOString().slice(11, 16)}`)
        await clock.sleep(5 * MINUTE, signal)
      }),
    ]
    const first = process(jobOf('first'))
    await clock.advance(HOUR - 20_000)
    first.stop()
    await clock.advance(1_000)
    process(jobOf('second'))
    await clock.advance(1_000)
    expect(runs).toEqual(['first 01:00', 'second 01:00'])
  })

  test('that will not stop keeps its turn until that runs out', async () => {
    const { clock, process } = world()
    let runs = 0
    const jobs = [job(every(HOUR), () => (runs++ === 0 ? new Promise(() => undefined) : Promise.resolve()))]
    const first = process(jobs)
    await clock.advance(HOUR - 20_000)
    first.stop()
    await clock.advance(6_000)
    process(jobs)
    await clock.advance(10_000)
    expect(runs).toBe(1)
    await clock.advance(20_000)
    expect(runs).toBe(2)
  })

  test('is kept as long as it takes, and fenced off when its process was cut off', async () => {
    const { clock, registers, process } = world()
    const signals: AbortSignal[] = []
    const jobs = [
      job(every(HOUR), async ({ signal }) => {
        signals.push(signal)
        await clock.sleep(30 * MINUTE, signal)
      }),
    ]
    process(jobs)
    process(jobs)
    await clock.advance(HOUR + 10 * MINUTE)
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
    const register = await registers.get('schedule/process/test')
    await registers.compareAndSet('schedule/process/test', register?.rev ?? 0, {
      text: JSON.stringify({ done: clock.now(), run: null }),
      operation: 'x',
      removeAt: null,
    })
    await clock.advance(MINUTE)
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
  })

  test('that fails is over, and the next one is due at its time', async () => {
    const { clock, process } = world()
    const runs: number[] = []
    const jobs = [
      job(every(MINUTE), async ({ due }) => {
        runs.push(due)
        throw new Error('no')
      }),
    ]
    process(jobs)
    const events = await recordEvents(() => clock.advance(3 * MINUTE))
    expect(runs.length).toBe(3)
    expect(events.filter((event) => event.type === 'process' && event.outcome === 'failed')).toHaveLength(3)
  })
})

describe('times that pass during a run', () => {
  async function runsWith(overlap: Job['overlap']) {
    const { clock, process } = world()
    const runs: string[] = []
    const jobs = [
      job(
        every(10 * MINUTE),
        async ({ due }) => {
          const from = new Date(clock.now()).toISOString().slice(11, 16)
          runs.push(`${new Date(due).toISOString().slice(11, 16)} at ${from}`)
          if (runs.length === 1) await clock.sleep(25 * MINUTE)
        },
        { overlap },
      ),
    ]
    for (let count = 0; count < 2; count++) process(jobs)
    const events = await recordEvents(() => clock.advance(HOUR - MINUTE))
    const skipped = events.filter((event) => event.type === 'process' && event.outcome === 'skipped')
    return { runs, skipped: skipped.length }
  }

  test('are left out', async () => {
    const runs = ['00:10 at 00:10', '00:40 at 00:40', '00:50 at 00:50']
    expect(await runsWith('skip')).toEqual({ runs, skipped: 1 })
  })

  test('or are made up for by one run', async () => {
    const runs = ['00:10 at 00:10', '00:30 at 00:35', '00:40 at 00:40', '00:50 at 00:50']
    expect(await runsWith('queue')).toEqual({ runs, skipped: 0 })
  })
})

test('a store that cannot be asked is a fault, and nothing is lost', async () => {
  const clock = new VirtualClock(Date.parse('2026-01-01T00:00:30Z'))
  const inner = createMemoryRegisters(clock)
  let down = false
  const registers: Registers = {
    ...inner,
    get: (...call) => (down ? Promise.reject(new Error('down')) : inner.get(...call)),
  }
  const runs: number[] = []
  const jobs = [job(every(MINUTE), async ({ due }) => void runs.push(due))]
  const timetable = new Timetable({ store: { registers }, clock, entropy: new SeededEntropy(1) }, jobs)
  const tick = () => clock.run(Promise.all(timetable.startDue(new AbortController().signal)))
  await tick()
  await clock.advance(MINUTE)
  down = true
  const events = await recordEvents(tick)
  expect([events.map(({ type }) => type), runs]).toEqual([['fault'], []])
  down = false
  await clock.advance(5_000)
  await tick()
  expect(runs).toEqual([Date.parse('2026-01-01T00:01:00Z')])
})

test('somebody who was woken for one job, or for those below a name, starts no other', async () => {
  const { clock, registers } = world()
  const started: string[] = []
  const jobs = ['boot/a/1', 'bootstrap', 'primer/orders', 'sweep'].map((name) =>
    job(every(MINUTE), async () => void started.push(name), { name, atOnce: true }),
  )
  const timetable = new Timetable({ store: { registers }, clock, entropy: new SeededEntropy(1, 'p') }, jobs)
  const start = (only?: string) => clock.run(Promise.all(timetable.startDue(new AbortController().signal, only)))
  await start('boot')
  expect(started).toEqual(['boot/a/1'])
  await start('primer/orders')
  expect(started).toEqual(['boot/a/1', 'primer/orders'])
  await start('primer/order')
  await start()
  expect(started).toEqual(['boot/a/1', 'primer/orders', 'bootstrap', 'sweep'])
})
