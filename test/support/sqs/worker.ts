/** A refresh worker in a process of its own, to be killed: `node worker.ts '<Shared as JSON>'`. Says what it computes. */
import { RefreshWorker } from '../../../src/refresh/worker.ts'
import { type Shared, workerKck } from './worker-kck.ts'

const say = (line: string) => process.stdout.write(`${line}\n`)
const { kck, queue, clock } = await workerKck(JSON.parse(process.argv[2] ?? '') as Shared, say)
const stopping = new AbortController()
process.once('SIGTERM', () => stopping.abort())
const worker = new RefreshWorker({ queue, work: kck.work, clock }, { visibilityMs: 3_000, waitMs: 1_000 })
say('ready')
await worker.run(stopping.signal)
await kck.close()
