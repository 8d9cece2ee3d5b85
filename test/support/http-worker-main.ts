import { systemClock } from '../../src/adapters/system/clock.ts'
import { createEdge } from '../../src/http/edge.ts'
import { runCluster } from '../../src/local/cluster.ts'
import { startServer } from '../../src/local/server.ts'
import { createFakeKck } from './fake-kck.ts'
import { openAuth } from './http-auth.ts'

// A program for `http-server.test.ts`: two workers on the port of the first argument. Each answers with its process id.
const port = Number(process.argv[2])

await runCluster({
  workers: 2,
  clock: systemClock,
  say: (message) => process.stdout.write(`${message}\n`),
  async start() {
    const kck = createFakeKck({ clock: systemClock, near: { 'customer_orders/1': process.pid } })
    const edge = createEdge({ kck, clock: systemClock, auth: openAuth })
    const server = await startServer({ edge, kck, clock: systemClock, port })
    process.stdout.write('serving\n')
    return server
  },
})
process.stdout.write('stopped\n')
