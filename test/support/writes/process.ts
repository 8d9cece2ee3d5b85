import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { openCassandraStore } from '../../../src/adapters/cassandra/store.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../../src/adapters/system/clock.ts'
import { shardOf } from '../../../src/write/record.ts'
import type { CassandraAddress } from '../cassandra/start.ts'
import { stepping, steppingSource } from './steps.ts'
import { postgresSource, processOf } from './system.ts'

/** What a process is told to do: one task, killed by itself before the step of that number (from 0; null: never). */
export interface Task {
  readonly do: 'accept' | 'apply' | 'park' | 'retry' | 'discard'
  readonly topic: string
  readonly id?: string
  readonly killAt: number | null
}

/**
 * A process with a store in Cassandra and a source in PostgreSQL that does the task in its input's first line. Says
 * `ready`, every step before it is taken, and `done`.
 */
const [keyspace = '', address = '', connectionString = ''] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)

let killAt: number | null = null
let steps = Number.NEGATIVE_INFINITY
const onStep = (step: string) => {
  if (steps === killAt) process.kill(process.pid, 'SIGKILL')
  if (steps >= 0) say(step)
  steps += 1
}
const store = await openCassandraStore({ ...(JSON.parse(address) as CassandraAddress), keyspace, clock, entropy })
const source = postgresSource(connectionString)
await source.ping()
const { kck } = processOf({ store: stepping(store, onStep), source: steppingSource(source, onStep) })
// A process that is killed does not do so at its end.
flushCompileCache()
say('ready')

const task = JSON.parse(await firstLine()) as Task
killAt = task.killAt
steps = 0
await work(task)
onStep('done')
process.exit(0)

async function work({ do: what, topic, id = '' }: Task): Promise<void> {
  if (what === 'accept') await kck.writes.accept(`note/${topic}`, { note: 'first' }, { idempotencyKey: topic })
  else if (what === 'apply' || what === 'park')
    await kck.writes.worker.drain(AbortSignal.timeout(30_000), [shardOf(`note/${topic}`)])
  else if (what === 'retry') await kck.writes.retry(id)
  else await kck.writes.discard(id)
}

async function firstLine(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin) {
    text += chunk
    if (text.includes('\n')) break
  }
  return text
}
