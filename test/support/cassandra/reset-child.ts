/**
 * A process that reads without a pause until its standard input ends, while its connections are reset: through a store,
 * and through one client of the driver that is never replaced. Prints `ready`, and at the end what it saw. Its
 * arguments: keyspace, port.
 */
import { newDriverClient } from '../../../src/adapters/cassandra/driver.ts'
import type { CassandraOptions } from '../../../src/adapters/cassandra/options.ts'
import { openCassandraStore } from '../../../src/adapters/cassandra/store.ts'
import { systemClock, systemEntropy } from '../../../src/adapters/system/clock.ts'
import { subscribe } from '../../../src/events.ts'

let caught = 0
subscribe((event) => {
  if (event.type === 'fault' && event.where === 'cassandra control connection') caught++
})
const options: CassandraOptions = {
  contactPoints: ['127.0.0.1'],
  port: Number(process.argv[3]),
  localDataCenter: 'datacenter1',
  keyspace: String(process.argv[2]),
  clock: systemClock,
  entropy: systemEntropy,
}
const store = await openCassandraStore(options)
const client = newDriverClient(options)
await client.connect()
let running = true
process.stdin.resume().once('end', () => {
  running = false
})
process.stdout.write('ready\n')

const yes = () => true
const no = () => false

async function readOn(read: () => Promise<unknown>): Promise<string> {
  let [ok, failed] = [0, 0]
  while (running) {
    await read().then(
      () => ok++,
      () => failed++,
    )
    await systemClock.sleep(2)
  }
  // Afterwards it must work again.
  for (let works = false; !works; await systemClock.sleep(20)) works = await read().then(yes, no)
  return `${ok} reads ok, ${failed} failed`
}

const seen = await Promise.all([
  readOn(() => store.entries.get('reset/1')),
  readOn(() => client.execute("SELECT key FROM system.local WHERE key = 'local'", [], { isIdempotent: true })),
])
process.stdout.write(`store: ${seen[0]}; driver: ${seen[1]}, ${caught} of its faults caught\n`)
process.exit(0)
