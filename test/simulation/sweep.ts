import { freshness } from '../../src/entry/freshness.ts'
import { asKckError } from '../../src/errors.ts'
import { emit } from '../../src/events.ts'
import type { Kck } from '../../src/kck/kck.ts'
import type { WorkItem } from '../../src/ports/work-index.ts'
import type { ProcessPorts } from '../../src/testing/inject-faults.ts'

const EVERY_MS = 20_000
/** Owed for so long that nobody works on it any more: longer than any write takes. */
const OLD_MS = 60_000
const MINUTE = 60_000
const MINUTES_BACK = 5

/** Finishes what killed processes left behind, and asks again for what was asked for and did not happen. */
export async function sweepForever(ports: ProcessPorts, kck: Kck): Promise<void> {
  for (;;) {
    await ports.clock.sleep(EVERY_MS)
    await sweep(ports, kck).catch((error: unknown) => emit({ type: 'fault', where: 'sweep', error: asKckError(error) }))
  }
}

async function sweep(ports: ProcessPorts, kck: Kck): Promise<void> {
  const until = ports.clock.now() - OLD_MS
  for (let minute = until - MINUTES_BACK * MINUTE; minute <= until + MINUTE; minute += MINUTE) {
    for (const kind of ['intent', 'refresh'] as const) {
      const { items } = await ports.store.workIndex.list(kind, minute, { limit: 1_000 })
      for (const item of items.filter(({ at }) => at <= until)) {
        if (kind === 'intent') await kck.work.resume(item)
        else await askAgain(ports, kck, item)
      }
    }
  }
}

async function askAgain({ store, queue, clock }: ProcessPorts, kck: Kck, item: WorkItem): Promise<void> {
  const entry = await store.entries.get(item.id, { consistency: 'latest' })
  const { revision } = kck.registry.parseKey(item.id).primer
  if (freshness(entry, revision, clock.now()).state === 'stale') {
    await queue.send('idle', [{ key: item.id, cause: 'sweep', at: item.at }])
  } else {
    await store.workIndex.remove([item])
  }
}
