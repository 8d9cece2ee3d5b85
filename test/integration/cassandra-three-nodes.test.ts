import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Store } from '../../src/ports/store.ts'
import { sampleMark } from '../conformance/rows.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import { ownCassandra } from '../support/cassandra/own.ts'
import { endOf, figure, startWriters } from '../support/cassandra/trial.ts'

/** Of every call, by its signal; a frozen node must cost much less. */
const DEADLINE_MS = 5_000

const server = await ownCassandra({ nodes: 3 })

describe.skipIf(server === null)('three Cassandra nodes, every row on all of them', () => {
  let keyspace: TestKeyspace
  let store: Store

  beforeAll(async () => {
    if (server === null) return
    keyspace = await createKeyspace(server, { replication: "{ 'class': 'SimpleStrategy', 'replication_factor': 3 }" })
    // Three times the default, below the deadline: three nodes on one busy machine are slow by themselves.
    store = await keyspace.open({ requestTimeoutMs: 4_500 })
  })
  afterAll(async () => {
    await store?.close()
    await server?.stop()
  })

  /** Reads and plain writes, one after the other in eight lines, for `ms`; how they ended. */
  async function load(ms: number) {
    const until = performance.now() + ms
    const latencies: number[] = []
    const failures: string[] = []
    const line = async (index: number) => {
      for (let turn = 0; performance.now() < until; turn++) {
        const key = `three/${index}/${turn % 50}`
        for (const call of [
          (signal: AbortSignal) => store.entries.mark([key], sampleMark('m'), null, { signal }),
          (signal: AbortSignal) => store.entries.get(key, { signal, consistency: 'latest' }),
          (signal: AbortSignal) => store.entries.get(key, { signal }),
        ]) {
          const ending = await endOf(DEADLINE_MS, call)
          latencies.push(ending.ms)
          if (ending.outcome !== 'ok') failures.push(ending.outcome)
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, index) => line(index)))
    latencies.sort((a, b) => a - b)
    const at = (share: number) => Math.round(latencies[Math.floor((latencies.length - 1) * share)] ?? 0)
    return { calls: latencies.length, failures, p50: at(0.5), p99: at(0.99), max: at(1) }
  }

  for (const [row, fault] of [
    [17, 'stands still'],
    [18, 'is killed'],
  ] as const) {
    test(`${row}: reads and plain writes go on when one of three ${fault}, and no conditional write is lost`, async () => {
      const node = server?.nodes[2]
      const calm = await load(1_000)
      expect(calm.failures).toEqual([])
      const writers = startWriters(store.entries, 4, `three-${row}`)
      await sleep(300)
      if (row === 17) node?.pause()
      else await node?.kill()
      const { calls, failures, p50, p99, max } = await load(6_000)
      if (row === 17) node?.resume()
      await sleep(1_000)
      await writers.stop()
      const lost = await writers.lost(store.entries)
      expect({ failures, lost, wronglyRefused: writers.tally.wronglyRefused }).toEqual({
        failures: [],
        lost: 0,
        wronglyRefused: 0,
      })
      const { acknowledged, unresolved, slowestMs } = writers.tally
      figure(
        row,
        `one of three ${fault}: ${calls} reads and writes, 0 failed, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms ` +
          `(before: p99 ${calm.p99} ms); conditional writes: ${acknowledged} acknowledged, 0 lost, ${unresolved} ` +
          `answered 503, slowest ${Math.round(slowestMs)} ms`,
      )
    })
  }
})
