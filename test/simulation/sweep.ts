import { emit } from '../../src/events.ts'
import type { Kck } from '../../src/kck/kck.ts'
import type { Store } from '../../src/ports/store.ts'
import { sweep } from '../../src/process/sweep.ts'
import type { ProcessPorts } from '../../src/testing/inject-faults.ts'

const EVERY_MS = 30_000

/** Finishes what killed processes left behind, and asks again for what was asked for and did not happen. */
export async function sweepForever(ports: ProcessPorts, kck: Kck): Promise<void> {
  const deps = { ...ports, registry: kck.registry, resume: kck.work.resume }
  for (;;) {
    await ports.clock.sleep(EVERY_MS)
    await sweep(deps).catch((error: unknown) => emit({ type: 'fault', where: 'sweep', error }))
  }
}

/** As if the day before had been swept: a new system would look through all its minutes. */
export async function startSweepsNow(store: Store, now: number): Promise<void> {
  const minute = String(Math.floor((now - 60_000) / 60_000) * 60_000)
  for (const kind of ['intent', 'refresh']) {
    await store.registers.compareAndSet(`sweep/${kind}`, 0, { text: minute, operation: 'start', removeAt: null })
  }
}
