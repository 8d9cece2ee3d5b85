import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { KckConfig } from '../../src/config/config.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { createRuntime } from '../../src/local/runtime.ts'
import { sweep } from '../../src/process/sweep.ts'
import { createKeyspace } from '../support/cassandra/keyspace.ts'
import type { Answered, Question } from './replicated-process.ts'

const KILLS = 3
const keys = Array.from({ length: 20 }, (_, index) => `price/${index}`)
const cassandra = inject('cassandra')
/** Nothing asks it. */
const unused = { kind: 'postgres', connectionString: 'postgres://127.0.0.1:1/none' } as const
const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

describe.each(['lmdb', 'cassandra'] as const)('replicated products over %s', (kind) => {
  test.skipIf(kind === 'cassandra' && cassandra === null)(
    'are equal on every machine at rest, whichever process is killed whenever',
    { timeout: 180_000 },
    async () => {
      const project = projectFolder()
      const store = kind === 'lmdb' ? lmdb() : await cassandraStore()
      const config = (name: string): KckConfig => {
        // Two processes of one machine share its copy; over Cassandra the third is another machine.
        const path = join(project, kind === 'cassandra' && name === 'other' ? 'replica-2' : 'replica-1')
        return { store, sources: { unused }, replica: { path, maxAge: '20s' } }
      }
      const own = await createRuntime(resolveConfig(config('one'), { folder: project, environment: {} }))
      cleanUps.push(() => own.close())
      await own.store.createSchema()
      const machine = (name: string) => start({ folder: project, config: config(name) })
      let writer = await machine('one')
      const other = await machine('other')

      await writer.ask({ ask: 'set', keys, value: 0 })
      await shown(other, (answered) => answered.from === 'replica' && answered.value === 0)
      await other.ask({ ask: 'invalidate', keys })
      await shown(writer, ({ from, state }) => from === 'replica' && state === 'stale')

      for (let kill = 1; kill <= KILLS; kill += 1) {
        writer.ask({ ask: 'set', keys, value: kill }).catch(() => undefined)
        const also = other.ask({ ask: 'set', keys: keys.slice(10), value: -kill })
        await sleep(20 + 40 * kill)
        await writer.kill()
        await also
        writer = await machine('one')
      }
      // The sweep of a process worker, in a while.
      const clock = { ...systemClock, now: () => Date.now() + 300_000, sleep: systemClock.sleep }
      const { kck, queue, entropy } = own
      await sweep({ registry: kck.registry, store: own.store, queue, clock, entropy, resume: kck.work.resume })

      const entries = await own.store.entries.getMany(keys, { consistency: 'latest' })
      const versions = new Map(entries.map(({ key, row }) => [key, row?.value?.version]))
      for (const each of [writer, other]) {
        await shown(each, ({ from, version }, key) => from === 'replica' && version === versions.get(key))
      }
    },
  )
})

/** Waits until a machine answers so for every key. */
async function shown(machine: Machine, isWanted: (answered: Answered, key: string) => boolean): Promise<void> {
  const others = async () => {
    const answered = await machine.ask({ ask: 'fetch', keys })
    return keys.filter((key, index) => !isWanted(answered[index] as Answered, key))
  }
  await expect.poll(others, { timeout: 30_000, interval: 100 }).toEqual([])
}

interface Machine {
  ask(question: Question): Promise<readonly Answered[]>
  kill(): Promise<void>
}

async function start(told: { readonly folder: string; readonly config: KckConfig }): Promise<Machine> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'replicated-process.ts'), [JSON.stringify(told)])
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  cleanUps.push(kill)
  await once(child, 'message')
  return {
    kill,
    ask: async (question) => {
      child.send(question)
      const [answer] = (await once(child, 'message')) as [readonly Answered[] | { readonly error: string }]
      if ('error' in answer) throw new Error(answer.error)
      return answer
    },
  }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'kck-replicated-'))
  cleanUps.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A project of one replicated product. */
function projectFolder(): string {
  const path = folder()
  mkdirSync(join(path, 'primers'))
  const index = join(import.meta.dirname, '../../src/index.ts')
  const definition = `import { int, primer } from ${JSON.stringify(index)}
export const price = primer({
  name: 'price', replicate: true, parameters: { id: int() },
  compute: async () => 'computed',
})
`
  writeFileSync(join(path, 'primers/price.ts'), definition)
  return path
}

function lmdb(): NonNullable<KckConfig['store']> {
  return { kind: 'lmdb', path: join(folder(), 'store') }
}

async function cassandraStore(): Promise<NonNullable<KckConfig['store']>> {
  if (cassandra === null) throw new Error('There is no Cassandra')
  const keyspace = await createKeyspace(cassandra)
  cleanUps.push(() => keyspace.drop())
  const { contactPoints, port, localDataCenter } = cassandra
  return { kind: 'cassandra', contactPoints, port, localDataCenter, keyspace: keyspace.name }
}
