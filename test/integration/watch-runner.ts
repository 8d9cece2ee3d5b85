import { createLmdbRefreshQueue } from '../../src/adapters/lmdb/refresh-queue.ts'
import { openLmdbStore } from '../../src/adapters/lmdb/store.ts'
import { createPostgresSource } from '../../src/adapters/postgres/source.ts'
import { systemClock as clock, systemEntropy as entropy } from '../../src/adapters/system/clock.ts'
import { createKck } from '../../src/kck/create-kck.ts'
import { int } from '../../src/key/scalar-types.ts'
import { createRegistry } from '../../src/primer/create-registry.ts'
import { primer } from '../../src/primer/primer.ts'
import { createProcessWorker } from '../../src/process/process-worker.ts'
import { noteWatched } from '../../src/watch/watch-job.ts'

/** What `watch-kill.test.ts` and the processes that it kills share. */
export function openCounters(path: string, connectionString: string) {
  const store = openLmdbStore({ path, clock })
  const queue = createLmdbRefreshQueue({ path, clock, entropy })
  const source = createPostgresSource({ name: 'main', connectionString, poolSize: 2 })
  const parameters = { id: int() }
  const counter = primer({ name: 'counter', parameters, sql: 'select n from counters where id = :id', result: 'value' })
  const above = primer({ name: 'above', parameters, compute: ({ get }, { id }) => get(`counter/${id}`) })
  const sources = new Map([['main', source]])
  const registry = createRegistry({ primers: [counter, above] })
  const kck = createKck({ registry, store, queue, sources, clock, entropy, options: { nearCacheBytes: 0 } })
  return { kck, store, queue, source, sources, clock, entropy }
}

/** Drains until it is killed; says when it begins. */
const [path, connectionString] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename && path && connectionString) {
  const opened = openCounters(path, connectionString)
  await noteWatched(opened, 'main', true)
  process.stdout.write('ready\n')
  await createProcessWorker(opened, { leaseMs: 1_500 }).run(new AbortController().signal)
}
