import { expect, test } from 'vitest'
import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { openMemoryStore } from '../../../src/adapters/memory/store.ts'
import { KckError } from '../../../src/errors.ts'
import { STORMY } from '../../../src/testing/fault-plan.ts'
import { injectFaults } from '../../../src/testing/inject-faults.ts'
import { SeededEntropy } from '../../../src/testing/seeded-entropy.ts'
import { afterMicrotasks, VirtualClock } from '../../../src/testing/virtual-clock.ts'
import { RowSource, violation, world } from './world.ts'

const SEEDS = Number(process.env['KCK_SEEDS'] ?? 40)
const KEYS = ['a', 'b', 'c', 'd']
const PLAN = { ...STORMY, lostRequest: 0.01, lostAnswer: 0.02 }

/** Processes that lose messages, have wrong clocks, repeat themselves and are killed; then calm. */
async function storm(seed: number) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1), { settled: afterMicrotasks })
  const entropy = new SeededEntropy(seed)
  const source = new RowSource()
  source.hasLedger = true
  source.failing.set('bad', violation)
  const queue = createMemoryRefreshQueue({ clock, entropy })
  const shared = { clock, store: openMemoryStore({ clock }), queue, sources: new Map([['shop', source]]) }
  const accepted = new Map<string, string[]>(KEYS.map((key) => [key, []]))
  const stops: (() => void)[] = []
  let processes = 0

  const start = (plan = PLAN) => {
    processes += 1
    const skewMs = Math.round((entropy.random() - 0.5) * 8_000)
    const made = injectFaults(shared, { plan, seed: seed * 100 + processes, name: `p${processes}`, skewMs })
    const { kck } = world({ ...made.ports, clock: made.ports.clock as VirtualClock })
    const stop = new AbortController()
    stops.push(() => stop.abort())
    const working = kck.writes.worker.run(stop.signal)
    return { kck, kill: made.kill, stop: () => stop.abort(), working }
  }
  let serving = [start(), start()]
  /** Again and again, at either server, until one answers that it is accepted. */
  const untilAccepted = async (key: string, value: string, idempotencyKey: string) => {
    for (;;) {
      const server = serving[Math.floor(entropy.random() * serving.length)] as (typeof serving)[number]
      const accepting = server.kck.writes.accept(`set/${key}`, { value }, { idempotencyKey }).then(
        () => true,
        (error: unknown) => {
          if (error instanceof KckError && error.code === 'STORE_UNAVAILABLE') return false
          throw error
        },
      )
      if (await Promise.race([accepting, clock.sleep(8_000).then(() => false)])) return
    }
  }
  /** One client per key: the next write only when the last is accepted, as its order is promised by that. */
  const write = async (key: string, count: number) => {
    for (let number = 0; number < count; number++) {
      const value = `${entropy.random() < 0.1 ? 'bad' : 'v'}${number}`
      await untilAccepted(key, value, `${key}${number}`)
      accepted.get(key)?.push(value)
      await clock.sleep(entropy.random() * 400)
    }
  }
  const all = Promise.all(KEYS.map((key) => write(key, 15)))
  const killing = (async () => {
    for (let kill = 0; kill < 6; kill++) {
      await clock.sleep(500 + entropy.random() * 2_500)
      serving[kill % 2]?.kill()
      serving = serving.with(kill % 2, start())
    }
  })()
  await clock.run(Promise.all([all, killing]))
  for (const server of serving) server.kill()
  // Leases of the killed run out; what they had sent has arrived.
  await clock.advance(60_000)
  const last = start({ ...PLAN, slow: 0, lostRequest: 0, lostAnswer: 0, repeated: 0, late: 0 })
  await clock.advance(60_000)
  const waiting = await clock.run(last.kck.writes.waiting())
  const parked = await clock.run(last.kck.writes.parked())
  for (const stop of stops) stop()
  return { source, accepted, waiting, parked }
}

test(`in ${SEEDS} storms every accepted write is applied once, in order of its key, or parked`, {
  timeout: 120_000,
}, async () => {
  let writes = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { source, accepted, waiting, parked } = await storm(seed)
    expect(waiting.writes, `seed ${seed}`).toBe(0)
    for (const key of KEYS) {
      const good = (accepted.get(key) ?? []).filter((value) => !value.startsWith('bad'))
      expect(source.rows.get(key), `seed ${seed}, key ${key}`).toEqual(good)
      const bad = (accepted.get(key) ?? []).filter((value) => value.startsWith('bad'))
      const refused = parked.filter(({ updater }) => updater === `set/${key}`).map(({ body }) => body['value'])
      // One that was accepted twice, because its first answer was lost, is parked twice.
      expect([...new Set(refused)].toSorted(), `seed ${seed}, key ${key}`).toEqual(bad.toSorted())
      writes += good.length
    }
  }
  expect(writes).toBeGreaterThan(SEEDS * 40)
})
