import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PurgeQueueCommand } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { freshness } from '../../src/entry/freshness.ts'
import { sweep } from '../../src/process/sweep.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import { peekTexts } from '../support/sqs/lambda.ts'
import { type SqsServer, startSqs, type TestLanes } from '../support/sqs/server.ts'
import { expectedValue, keys, type Shared, workerKck } from '../support/sqs/worker-kck.ts'
import { createSeededEntropy } from '../support/virtual-clock.ts'

const KILLS = Number(process.env['KCK_KILLS'] ?? 10)
const SEED = Number(process.env['KCK_SEED'] ?? 1)
const script = join(import.meta.dirname, '../support/sqs/worker.ts')
const address = inject('cassandra')

describe.skipIf(address === null)('refresh workers over Cassandra and SQS', () => {
  let folder: string
  let server: SqsServer
  let lanes: TestLanes
  let keyspace: TestKeyspace
  let shared: Shared
  let system: Awaited<ReturnType<typeof workerKck>>
  const workers: Worker[] = []

  beforeAll(async () => {
    if (address === null) return
    folder = mkdtempSync(join(tmpdir(), 'kck-worker-'))
    server = await startSqs()
    lanes = await server.createLanes()
    keyspace = await createKeyspace(address)
    shared = {
      cassandra: address,
      keyspace: keyspace.name,
      endpoint: server.endpoint,
      urls: lanes.urls,
      truth: join(folder, 'truth'),
    }
    writeFileSync(shared.truth, '0')
    system = await workerKck(shared)
    await system.kck.fetchMany(keys, { deadline: Date.now() + 60_000 })
  })
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.kill()))
  })
  afterAll(async () => {
    await system?.kck.close()
    await keyspace?.drop()
    await server?.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  const start = async (): Promise<Worker> => {
    const worker = new Worker(shared)
    workers.push(worker)
    await worker.said(/^ready$/m)
    return worker
  }
  /** Everything is made of another number from now on, and KCK is told. */
  const change = async (truth: number) => {
    writeFileSync(shared.truth, String(truth))
    const { marked } = await system.kck.invalidateTags(['truth'])
    expect(marked).toBe(keys.length)
  }
  /** Looks without reading through KCK: a stale read would ask for a refresh. */
  const staleKeys = async () => {
    const entries = await system.store.entries.getMany(keys, { consistency: 'latest' })
    return entries.filter((entry) => freshness(entry, 'r1', Date.now()).state !== 'fresh').map((entry) => entry.key)
  }
  const allFresh = async (truth: number) => {
    await expect.poll(staleKeys, { timeout: 60_000, interval: 100 }).toEqual([])
    const values = await Promise.all(keys.map((key) => system.kck.get(key, { onlyIfCached: true })))
    expect(values).toEqual(keys.map((key) => expectedValue(key, truth)))
  }
  const nothingLeft = async () => {
    const empty = { hot: 0, normal: 0, idle: 0 }
    await expect.poll(() => system.queue.depth(), { timeout: 60_000, interval: 100 }).toEqual(empty)
    for (const url of Object.values(lanes.deadLetters)) expect(await peekTexts(server.client, url)).toEqual([])
  }

  test(`${KILLS} times one of two is killed at any instant, and the other finishes everything`, {
    timeout: 60_000 + KILLS * 60_000,
  }, async () => {
    const chance = createSeededEntropy(SEED)
    let left = 0
    await start()
    for (let kill = 1; kill <= KILLS; kill++) {
      const victim = await start()
      const computes = Math.floor(chance.random() * 4)
      await change(kill)
      await Promise.race([victim.computed(computes), allFresh(kill)])
      await sleep(chance.random() * 40)
      await victim.kill()
      left += (await staleKeys()).length
      await allFresh(kill)
    }
    process.stdout.write(`kill -9 of a refresh worker: seed ${SEED}, ${KILLS} kills, ${left} stale keys left behind\n`)
    expect(left, 'kills that hit nothing prove nothing').toBeGreaterThan(0)
    await nothingLeft()
  })

  test('what neither a worker nor a message knows of any more, the sweep finds', { timeout: 120_000 }, async () => {
    const victim = await start()
    await change(1_000)
    await victim.computed(1)
    await victim.kill()
    for (const QueueUrl of Object.values(lanes.urls)) await server.client.send(new PurgeQueueCommand({ QueueUrl }))
    await start()
    expect(await staleKeys()).not.toEqual([])
    // Three minutes later, when a message that has not come is taken for lost.
    const clock = { ...system.clock, now: () => Date.now() + 180_000 }
    const { resume } = system.kck.work
    expect(await sweep({ ...system, clock, resume })).toMatchObject({ complete: true })
    await allFresh(1_000)
    await nothingLeft()
  })
})

class Worker {
  readonly #child: ChildProcess
  #text = ''

  constructor(shared: Shared) {
    this.#child = spawn(process.execPath, [script, JSON.stringify(shared)], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child.stdout?.on('data', (bytes) => {
      this.#text += bytes
    })
  }

  async said(pattern: RegExp): Promise<void> {
    await this.#until((text) => pattern.test(text))
  }

  /** Once it has made so many values; at once with 0. */
  async computed(count: number): Promise<void> {
    await this.#until((text) => text.split('\n').length - 2 >= count)
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async #until(holds: (text: string) => boolean): Promise<void> {
    while (!holds(this.#text)) {
      if (this.#child.exitCode !== null) throw new Error(`The worker ended by itself with ${this.#child.exitCode}`)
      await Promise.race([once(this.#child.stdout as NodeJS.ReadableStream, 'data'), once(this.#child, 'exit')])
    }
  }
}
