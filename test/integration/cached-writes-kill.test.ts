import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { shardOf } from '../../src/write/record.ts'
import { createKeyspace, type TestKeyspace } from '../support/cassandra/keyspace.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import type { Task } from '../support/writes/process.ts'
import { postgresSource, processOf, SCHEMA } from '../support/writes/system.ts'

const script = join(import.meta.dirname, '../support/writes/process.ts')
const address = inject('cassandra')
const { connectionString: server } = inject('postgres')

const LANES = 3
const laneOf = (topic: string) => shardOf(`note/${topic}`)

/**
 * What each task changes, in order; between two of these it only reads. A process is killed before each, and before it
 * says that it is done.
 */
const STEPS: Readonly<Record<Task['do'], readonly string[]>> = {
  accept: ['writeQueue.append', 'registers.compareAndSet'],
  apply: [
    // The log is ours; what the batch may change is written down.
    'registers.compareAndSet',
    'workIndex.put',
    'source.begin',
    'source.enter',
    'source.write',
    'source.write',
    'source.commit',
    // The products it names, and what rests on the table, are marked and asked for; nothing is owed any more.
    'entries.mark',
    'workIndex.put',
    'entries.mark',
    'workIndex.put',
    'workIndex.remove',
    // The log moves on.
    'registers.compareAndSet',
    // The overlay ends, the records may go.
    'registers.compareAndSet',
    'writeQueue.replace',
    'writeQueue.replace',
    'registers.compareAndSet',
    // The log is anybody's.
    'registers.compareAndSet',
  ],
  park: [
    'registers.compareAndSet',
    'workIndex.put',
    'source.begin',
    'source.enter',
    // Refused: nothing is owed.
    'source.write',
    'workIndex.remove',
    // Why, then the log moves on; the overlay is taken back.
    'writeQueue.replace',
    'registers.compareAndSet',
    'registers.compareAndSet',
    'registers.compareAndSet',
    'registers.compareAndSet',
  ],
  retry: [
    'writeQueue.append',
    'registers.compareAndSet',
    'writeQueue.replace',
    'registers.compareAndSet',
    'writeQueue.replace',
  ],
  discard: ['writeQueue.replace', 'registers.compareAndSet', 'writeQueue.replace'],
}

describe.skipIf(address === null)('a process that is killed at every step of a cached write', () => {
  let keyspace: TestKeyspace
  let database: TestDatabase
  let client: pg.Pool
  let system: ReturnType<typeof processOf>
  let folder: string
  /** Scenarios that run at the same time, each in a shard of its own: the process that is next in it. */
  const spares: Child[] = []
  let topics = 0

  beforeAll(async () => {
    if (address === null) return
    keyspace = await createKeyspace(address)
    database = await createDatabase(server, 'writes')
    client = new pg.Pool({ connectionString: database.connectionString })
    await client.query(SCHEMA)
    const source = postgresSource(database.connectionString)
    // Its clock is past the leases of those that were killed.
    system = processOf({ store: await keyspace.open(), source, aheadMs: 31_000 })
    folder = await mkdtemp(join(tmpdir(), 'kck-writes-'))
    for (let lane = 0; lane < LANES; lane++) spares.push(start())
  })
  afterAll(async () => {
    await Promise.all(spares.map((spare) => spare.kill()))
    await system?.kck.close()
    await client?.end()
    await database?.drop()
    await keyspace?.drop()
    if (folder !== undefined) await rm(folder, { recursive: true })
  })

  const start = () => new Child([keyspace.name, JSON.stringify(address), database.connectionString], folder)
  /** The steps that it took. The next process starts meanwhile. */
  const run = async (task: Task): Promise<readonly string[]> => {
    const lane = laneOf(task.topic)
    const child = spares[lane] as Child
    spares[lane] = start()
    return child.run(task)
  }
  const notes = async (topic: string) => {
    const { rows } = await client.query('select note from notes where topic = $1 order by n', [topic])
    return rows.map(({ note }) => note as string)
  }
  const drain = (topic: string) =>
    system.kck.writes.worker.drain(AbortSignal.timeout(20_000), [shardOf(`note/${topic}`)])
  const accept = (topic: string, note: string) => system.kck.writes.accept(`note/${topic}`, { note })
  const parkedOf = async (topic: string) =>
    (await system.kck.writes.parked(1_000)).filter(({ updater }) => updater === `note/${topic}`)
  /** What readers get is what the source says, or counts as stale. */
  const nobodyIsDeceived = async (topic: string) => {
    const fetched = await system.kck.fetch(`notes/${topic}`)
    const value = await system.kck.get(`notes/${topic}`)
    if (fetched.state === 'fresh') expect(value).toEqual(await notes(topic))
    expect(await system.kck.get(`notes/${topic}`, { noCache: true })).toEqual(await notes(topic))
  }
  const newTopic = (lane: number): string => {
    const topic = `topic-${topics++}`
    return laneOf(topic) === lane ? topic : newTopic(lane)
  }

  /** Runs the scenario undisturbed for its steps, and once for each step, killed before it. */
  const atEveryStep = async (what: Task['do'], scenario: (task: Task) => Promise<void>) => {
    const kills = [null, ...STEPS[what].keys(), STEPS[what].length]
    const runLane = async (lane: number) => {
      for (let killAt = kills.shift(); killAt !== undefined; killAt = kills.shift()) {
        await scenario({ do: what, topic: newTopic(lane), killAt })
      }
    }
    await Promise.all(spares.map((_, lane) => runLane(lane)))
  }
  const ranTo = (task: Task, steps: readonly string[]) => {
    const expected = STEPS[task.do]
    if (task.killAt === null) expect(steps).toEqual([...expected, 'done'])
    else expect(steps).toEqual(expected.slice(0, task.killAt))
  }

  test('accepting: what was answered is there, what is repeated counts once', { timeout: 180_000 }, async () => {
    await atEveryStep('accept', async (task) => {
      await system.kck.get(`notes/${task.topic}`)
      ranTo(task, await run(task))
      // The caller heard nothing, and repeats itself.
      await system.kck.writes.accept(`note/${task.topic}`, { note: 'first' }, { idempotencyKey: task.topic })
      await accept(task.topic, 'second')
      expect(await system.kck.get(`notes/${task.topic}`)).toEqual(['first', 'second'])
      await drain(task.topic)
      expect(await notes(task.topic)).toEqual(['first', 'second'])
      await nobodyIsDeceived(task.topic)
    })
  })

  test('applying: once, in order, and everything that rests on it hears of it', { timeout: 240_000 }, async () => {
    await atEveryStep('apply', async (task) => {
      await system.kck.get(`notes/${task.topic}`)
      for (const note of ['a', 'a']) await accept(task.topic, note)
      ranTo(task, await run(task))
      await accept(task.topic, 'c')
      await drain(task.topic)
      expect(await notes(task.topic)).toEqual(['a', 'a', 'c'])
      await nobodyIsDeceived(task.topic)
    })
  })

  test('applying what is refused: it is parked once, is not shown, and holds nothing up', {
    timeout: 240_000,
  }, async () => {
    await atEveryStep('park', async (task) => {
      expect(await system.kck.get(`notes/${task.topic}`)).toEqual([])
      const { id } = await accept(task.topic, 'bad')
      ranTo(task, await run(task))
      await accept(task.topic, 'good')
      await drain(task.topic)
      expect(await notes(task.topic)).toEqual(['good'])
      expect(await parkedOf(task.topic)).toMatchObject([{ id, error: { code: 'COMPUTE_FAILED' } }])
      await nobodyIsDeceived(task.topic)
    })
  })

  test('retrying and discarding what was refused', { timeout: 180_000 }, async () => {
    for (const what of ['retry', 'discard'] as const) {
      await atEveryStep(what, async (task) => {
        const { id } = await accept(task.topic, 'bad')
        await accept(task.topic, 'good')
        await drain(task.topic)
        expect(await parkedOf(task.topic)).toMatchObject([{ id }])
        ranTo(task, await run({ ...task, id }))
        await drain(task.topic)
        // Done or not, it can be done (again); never is the write in two states, or gone.
        for (const { id: left } of await parkedOf(task.topic)) await system.kck.writes.discard(left)
        expect(await parkedOf(task.topic)).toEqual([])
        expect(await system.kck.writes.status(id)).toMatchObject({ state: 'discarded' })
        expect(await notes(task.topic)).toEqual(['good'])
        await nobodyIsDeceived(task.topic)
      })
    }
  })
})

class Child {
  readonly #child: ChildProcess
  #text = ''

  /** `folder`: for what Node compiled, so that only the first process does. */
  constructor(args: readonly string[], folder: string) {
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_COMPILE_CACHE: folder },
    })
    this.#child.stdout?.on('data', (bytes) => {
      this.#text += bytes
    })
    this.#child.stdin?.on('error', () => undefined)
  }

  async run(task: Task): Promise<readonly string[]> {
    const ended = once(this.#child, 'close')
    this.#child.stdin?.write(`${JSON.stringify(task)}\n`)
    await ended
    if (task.killAt === null ? this.#child.exitCode !== 0 : this.#child.signalCode !== 'SIGKILL') {
      throw new Error(`The process ended with ${this.#child.exitCode ?? this.#child.signalCode}: ${this.#text}`)
    }
    return this.#text.split('\n').filter((line) => line !== '' && line !== 'ready')
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'close')
  }
}
