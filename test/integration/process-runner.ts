import { writeSync } from 'node:fs'
import { createLmdbRefreshQueue } from '../../src/adapters/lmdb/refresh-queue.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../src/adapters/system/clock.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import { createRegistry } from '../../src/primer/create-registry.ts'
import { primer } from '../../src/primer/primer.ts'
import { defineProcess } from '../../src/process/define-process.ts'
import { createProcessWorker } from '../../src/process/process-worker.ts'

/**
 * A process worker beside others on one folder, until its input ends. Says `began <due>` and `ended <due>` of a process
 * that is due every two seconds. `stuck`: its first run never ends.
 */
const [path = '', stuck = ''] = process.argv.slice(2)
const say = (line: string) => writeSync(1, `${line}\n`)

const store = openLmdbStore({ path, clock })
const queue = createLmdbRefreshQueue({ path, clock, entropy })
const sources = new Map()
const tagged = primer({ name: 'tagged', tags: ['source'], compute: () => 1 })
const kck = createKck({ registry: createRegistry({ primers: [tagged] }), store, queue, sources, clock, entropy })
const counted = defineProcess({
  name: 'counted',
  every: '2s',
  run: async ({ due, signal }) => {
    say(`began ${due}`)
    await clock.sleep(stuck === 'stuck' ? 3_600_000 : 100, signal)
    say(`ended ${due}`)
  },
})
const worker = createProcessWorker(
  { kck, store, queue, sources, clock, entropy },
  { processes: [counted], leaseMs: 5_000, sweepMs: 1_000 },
)

const stop = new AbortController()
process.stdin.on('end', () => stop.abort()).resume()
await kck.get('tagged')
say('ready')
await worker.run(stop.signal)
await kck.close()
