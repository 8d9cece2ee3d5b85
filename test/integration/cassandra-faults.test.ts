import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { noise, sampleMark, sampleRow } from '../conformance/rows.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import { ownCassandra } from '../support/cassandra/own.ts'
import { endOf, figure, recovery, startWriters } from '../support/cassandra/trial.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

const DEADLINE_MS = 1_000
/** What a call without a signal may take: its own limit, and that of a conditional write. */
const CALL_MS = 1_500
const CAS_MS = 3 * CALL_MS
/** How late a call may be. The process's own lateness is taken off before (`endOf`). */
const GRACE_MS = 100

const server = await ownCassandra()

describe.skipIf(server === null)('faults between KCK and one Cassandra', () => {
  let keyspace: TestKeyspace
  let proxy: FaultProxy
  let store: Store
  let keys = 0
  const newKey = () => `fault/${keys++}`

  beforeAll(async () => {
    if (server === null) return
    keyspace = await createKeyspace(server)
    proxy = await startFaultProxy({ host: '127.0.0.1', port: server.port })
    store = await keyspace.open({ port: proxy.port })
  })
  afterEach(async () => {
    proxy.set({})
    await proxy.listen()
    await recovery(() => store.entries.ping())
  })
  afterAll(async () => {
    await store?.close()
    await proxy?.close()
    await server?.stop()
  })

  /** Every kind of call, with a deadline; all must end by it. */
  async function everyCall(deadlineMs = DEADLINE_MS) {
    const { entries, lineage, workIndex } = store
    const key = newKey()
    const calls = {
      get: (signal: AbortSignal) => entries.get(key, { signal }),
      getLatest: (signal: AbortSignal) => entries.get(key, { signal, consistency: 'latest' }),
      getMany: (signal: AbortSignal) => entries.getMany([newKey(), newKey(), newKey()], { signal }),
      compareAndSet: (signal: AbortSignal) => entries.compareAndSet(null, sampleRow(key), { signal }),
      mark: (signal: AbortSignal) => entries.mark([newKey(), newKey()], sampleMark('m'), null, { signal }),
      putChunks: (signal: AbortSignal) => entries.putChunks(key, 'b', [noise(9)], null, { signal }),
      addEdges: (signal: AbortSignal) => lineage.addEdges(key, ['tag/a'], { signal }),
      list: (signal: AbortSignal) => workIndex.list('refresh', 0, { limit: 9 }, { signal }),
    }
    const endings = await Promise.all(Object.values(calls).map((call) => endOf(deadlineMs, call)))
    const worst = Math.max(...endings.map((ending) => ending.overrunMs))
    expect(worst).toBeLessThanOrEqual(GRACE_MS)
    const outcomes = Object.fromEntries(Object.keys(calls).map((name, index) => [name, endings[index]?.outcome]))
    return { outcomes, worst, slowest: Math.max(...endings.map((ending) => ending.ms)) }
  }

  const millis = (ms: number) => `${Math.round(ms)} ms`

  test('1: 300 ms of latency slow every call down and fail none', async () => {
    const before = await endOf(5_000, () => store.entries.get('fault/latency'))
    proxy.set({ latencyMs: 300 })
    const after = await endOf(5_000, () => store.entries.get('fault/latency'))
    expect(after.outcome).toBe('ok')
    figure(1, `+300 ms latency: a read takes ${millis(after.ms - before.ms)} more, ok`)
  })

  test('2: with 5 s of latency every call ends by its deadline', async () => {
    proxy.set({ latencyMs: 5_000 })
    const { worst } = await everyCall()
    const own = await endOf(60_000, () => store.entries.get(newKey()))
    expect(own.outcome).toBe('STORE_UNAVAILABLE')
    expect(own.ms).toBeLessThan(CALL_MS + 1_000)
    figure(
      2,
      `+5 s latency: ${millis(worst)} past the deadline at worst; without one a read gives up after ${millis(own.ms)}`,
    )
  })

  for (const [row, blackHole] of [
    [3, 'down'],
    [4, 'up'],
  ] as const) {
    const what = blackHole === 'down' ? 'answers' : 'requests'
    test(`${row}: swallowed ${what} end by the deadline, and a conditional write in flight is settled`, async () => {
      const key = newKey()
      await store.entries.compareAndSet(null, sampleRow(key))
      proxy.set({ blackHole })
      const next = sampleRow(key, { rev: 2, ops: ['op-1', `black-${row}`] })
      let applied = false
      const settled = endOf(60_000, async () => {
        applied = await store.entries.compareAndSet(sampleRow(key), next)
      })
      const { worst } = await everyCall()
      const read = await endOf(60_000, () => store.entries.get(key))
      expect(read.outcome).toBe('STORE_UNAVAILABLE')
      proxy.set({})
      const first = await recovery(() => store.entries.ping())
      const cas = await settled
      expect(cas.ms).toBeLessThan(CAS_MS + 1_000)
      const stored = await store.entries.get(key, { consistency: 'latest' })
      expect({ outcome: cas.outcome, applied, rev: stored.row?.rev }).toEqual({ outcome: 'ok', applied: true, rev: 2 })
      figure(
        row,
        `swallowed ${what}: ${millis(worst)} past the deadline; a read without one ${millis(read.ms)}; a conditional ` +
          `write in flight settled, truly, after ${millis(cas.ms)}; (5) first answer ${millis(first)} after the hole closed`,
      )
    })
  }

  test('6: reset connections are replaced at once', async () => {
    const errors: string[] = []
    let slowest = 0
    for (let round = 0; round < 10; round++) {
      await store.entries.ping()
      proxy.reset()
      const ending = await endOf(DEADLINE_MS, (signal) => store.entries.get(newKey(), { signal }))
      if (ending.outcome !== 'ok') errors.push(ending.outcome)
      slowest = Math.max(slowest, ending.ms)
      await sleep(200)
    }
    expect(errors).toEqual([])
    figure(6, `reset connections: 10 of 10 next reads ok, the slowest after ${millis(slowest)}`)
  })

  test('7: a connection cut in the middle of a body gives no part of it', async () => {
    const body = [noise(512 * 1024, 1), noise(512 * 1024, 2)]
    await store.entries.putChunks('fault/cut', 'b', body, null)
    proxy.set({ limitBytes: 200_000 })
    const outcomes: string[] = []
    for (let round = 0; round < 5; round++) {
      const ending = await endOf(DEADLINE_MS, async (signal) => {
        const read = await store.entries.getChunks('fault/cut', 'b', 2, { signal })
        expect(read?.map((chunk) => Buffer.from(chunk))).toEqual(body.map((chunk) => Buffer.from(chunk)))
      })
      expect(ending.overrunMs).toBeLessThanOrEqual(GRACE_MS)
      outcomes.push(ending.outcome)
    }
    expect(outcomes).not.toContain('ok')
    figure(7, `cut after 200 KB of 1 MiB: ${outcomes.join(', ')}; partial values 0`)
  })

  test('8: 100 KB/s ends by the deadline', async () => {
    await store.entries.putChunks('fault/slow', 'b', [noise(512 * 1024), noise(512 * 1024)], null)
    proxy.set({ bytesPerSecond: 100_000 })
    const ending = await endOf(DEADLINE_MS, (signal) => store.entries.getChunks('fault/slow', 'b', 2, { signal }))
    expect(ending.outcome).not.toBe('ok')
    expect(ending.overrunMs).toBeLessThanOrEqual(GRACE_MS)
    figure(8, `1 MiB at 100 KB/s: ${ending.outcome} after ${millis(ending.ms)} of ${millis(DEADLINE_MS)}`)
  })

  test('9: answers in pieces of 64 bytes are answers', async () => {
    await store.entries.compareAndSet(null, sampleRow('fault/sliced'))
    proxy.set({ sliceBytes: 64 })
    const ending = await endOf(DEADLINE_MS, (signal) => store.entries.get('fault/sliced', { signal }))
    expect(ending.outcome).toBe('ok')
    figure(9, `64-byte pieces: ok after ${millis(ending.ms)}`)
  })

  for (const [row, seconds] of [
    [10, 3],
    [11, 20],
  ] as const) {
    test(`${row}: a store that is down for ${seconds} s is used again when it is back`, async () => {
      await proxy.refuse()
      const down = await everyCall()
      expect(Object.values(down.outcomes)).not.toContain('ok')
      const until = performance.now() + seconds * 1_000
      let calls = 0
      while (performance.now() < until) {
        const ending = await endOf(DEADLINE_MS, (signal) => store.entries.get(newKey(), { signal }))
        expect(ending.overrunMs).toBeLessThanOrEqual(GRACE_MS)
        calls++
        await sleep(50)
      }
      await proxy.listen()
      const back = await recovery(() => store.entries.ping())
      figure(row, `down ${seconds} s: ${calls} calls refused in time, used again ${millis(back)} after its return`)
    })
  }

  test('12 and 13: a store that is opened while Cassandra refuses or is silent answers so, and works later', async () => {
    for (const [row, fault] of [
      [12, 'refuses'],
      [13, 'is silent'],
    ] as const) {
      const own = await startFaultProxy({ host: '127.0.0.1', port: server?.port ?? 0 })
      if (fault === 'refuses') await own.refuse()
      else own.set({ silent: true })
      const start = performance.now()
      const late = await keyspace.open({ port: own.port })
      const opened = performance.now() - start
      expect(opened).toBeLessThan(CALL_MS + 1_000)
      const ending = await endOf(DEADLINE_MS, (signal) => late.entries.get(newKey(), { signal }))
      expect(ending.outcome === 'STORE_UNAVAILABLE' || ending.outcome === 'deadline').toBe(true)
      expect(ending.overrunMs).toBeLessThanOrEqual(GRACE_MS)
      if (fault === 'refuses') await own.listen()
      own.set({})
      const back = await recovery(() => late.entries.ping())
      figure(
        row,
        `Cassandra ${fault} at the start: opened after ${millis(opened)}, a read ends with ${ending.outcome} after ` +
          `${millis(ending.ms)}, works ${millis(back)} after it can`,
      )
      await late.close()
      await own.close()
    }
  })

  test('14: 400 ms a round trip make the first connection slow, not impossible', async () => {
    const own = await startFaultProxy({ host: '127.0.0.1', port: server?.port ?? 0 })
    own.set({ latencyMs: 400 })
    const start = performance.now()
    const far = await keyspace.open({ port: own.port })
    await recovery(() => far.entries.ping())
    figure(14, `400 ms a round trip: connected and answered after ${millis(performance.now() - start)}`)
    own.set({})
    await far.close()
    await own.close()
  })

  test('15: kill -9 and a restart lose no acknowledged write', async () => {
    const writers = startWriters(store.entries, 8, 'kill')
    await sleep(1_500)
    await server?.nodes[0]?.kill()
    await sleep(500)
    const restarted = server?.nodes[0]?.restart()
    await restarted
    const back = await recovery(() => store.entries.ping())
    await sleep(1_000)
    await writers.stop()
    const lost = await writers.lost(store.entries)
    expect({ lost, wronglyRefused: writers.tally.wronglyRefused }).toEqual({ lost: 0, wronglyRefused: 0 })
    expect(writers.tally.slowestMs).toBeLessThan(CAS_MS + 1_000)
    const { acknowledged, unresolved, slowestMs } = writers.tally
    figure(
      15,
      `kill -9: ${acknowledged} acknowledged, 0 lost; ${unresolved} answered 503, slowest ${millis(slowestMs)}; ` +
        `used again ${millis(back)} after the port opened`,
    )
  })

  test('16: a Cassandra that stands still for 3 s loses no write and leaves none in doubt', async () => {
    const writers = startWriters(store.entries, 8, 'freeze')
    await sleep(500)
    server?.nodes[0]?.pause()
    const calls = await everyCall()
    await sleep(3_000 - calls.slowest)
    server?.nodes[0]?.resume()
    const back = await recovery(() => store.entries.ping())
    await sleep(1_000)
    await writers.stop()
    const lost = await writers.lost(store.entries)
    expect({ lost, wronglyRefused: writers.tally.wronglyRefused }).toEqual({ lost: 0, wronglyRefused: 0 })
    expect(writers.tally.slowestMs).toBeLessThan(CAS_MS + 1_000)
    const { acknowledged, unresolved, slowestMs } = writers.tally
    figure(
      16,
      `3 s stopped: ${acknowledged} acknowledged, 0 lost; ${unresolved} answered 503, slowest ${millis(slowestMs)}; ` +
        `${millis(calls.worst)} past the deadline; first answer ${millis(back)} after it went on`,
    )
  })

  test('19: 40 resets in a row do not end the process', async () => {
    const script = new URL('../support/cassandra/reset-child.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [script, keyspace.name, String(proxy.port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.on('data', (text: Buffer) => {
      printed += text.toString()
    })
    const exit = once(child, 'exit')
    await Promise.race([once(child.stdout, 'data'), exit])
    for (let round = 0; round < 40 && child.exitCode === null; round++) {
      proxy.reset()
      await sleep(100 + (round % 5) * 40)
    }
    child.stdin.end()
    const [code] = await exit
    expect(code).toBe(0)
    figure(19, `40 resets: the process lives; ${printed.trim().split('\n').at(-1)}`)
  })
})
