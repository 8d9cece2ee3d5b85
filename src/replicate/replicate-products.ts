import type { ProductReplica } from '../fetch/product-replica.ts'
import type { Clock, Entropy } from '../ports/clock.ts'
import type { Lineage } from '../ports/lineage.ts'
import type { Store } from '../ports/store.ts'
import type { Registry } from '../primer/registry.ts'
import type { Job } from '../process/turn.ts'
import { keyOfDependent, primerNode } from '../refresh/recorder.ts'
import type { ReplicaCodec } from '../replica/codec.ts'
import type { Replica } from '../replica/replica.ts'
import { Publisher } from './publisher.ts'
import { publishingEntries } from './publishing-entries.ts'
import { decodeReplicated, type Replicated } from './record.ts'
import { WrittenReplica } from './written-replica.ts'

/** For the replica that is handed to `replicateProducts`. */
export const replicatedCodec: ReplicaCodec<Replicated> = {
  name: 'kck-entry',
  encode: ({ record }) => record,
  decode: decodeReplicated,
}

export interface ReplicationDeps {
  readonly store: Store
  readonly replica: Replica<Replicated>
  readonly registry: Registry
  readonly clock: Clock
  readonly entropy: Entropy
}

export interface Replication {
  /** In place of the store: what changes an entry through it publishes it. */
  readonly store: Store
  readonly reader: ProductReplica
  readonly publisher: Publisher
  /**
   * Publishes every value that the replica lacks or has otherwise than the store: those of a primer that was not
   * replicated before, or not for a while.
   */
  publishAll(signal: AbortSignal): Promise<void>
  /** Takes a snapshot and compacts the log. */
  maintenance(everyMs: number): Job
}

/** What is over for longer than any clocks differ. */
const GRACE_MS = 3_600_000
const PAGE = 500

/** Has the products of primers with `replicate` published to a replica, and read from it. */
export function replicateProducts({ store, replica, registry, clock, entropy }: ReplicationDeps): Replication {
  const isReplicated = (key: string) => registry.primers.get(key.split('/', 1)[0] ?? '')?.replicate === true
  const { entries, lineage, workIndex, registers, writeQueue } = store
  const written = new WrittenReplica(replica, isReplicated)
  const publisher = new Publisher({ entries, workIndex, clock, entropy, isReplicated, replica: written })
  // A record that went out of use would be believed again when its primer is replicated again.
  const isInUse = (key: string, { entry }: Replicated) => {
    const expiresAt = entry.row?.value?.hardExpiresAt ?? null
    return isReplicated(key) && (expiresAt === null || clock.now() < expiresAt + GRACE_MS)
  }
  return {
    store: {
      ...{ lineage, workIndex, registers, writeQueue },
      entries: publishingEntries(entries, publisher),
      createSchema: () => store.createSchema(),
      close: () => store.close(),
    },
    reader: written,
    publisher,
    publishAll: async (signal) => {
      await replica.update(undefined, { signal })
      for (const keys of pages(replica.keys())) await publisher.publish(keys.filter(isReplicated), signal)
      for (const primer of registry.primers.values()) {
        if (!primer.replicate) continue
        for await (const keys of dependents(lineage, primerNode(primer.name), signal)) {
          await publisher.publish([...new Set(keys.map(keyOfDependent))], signal)
        }
      }
    },
    maintenance: (everyMs) => ({
      name: 'replica',
      due: { everyMs, cron: null, timeZone: null },
      overlap: 'skip',
      run: async ({ signal }) => {
        await replica.update(undefined, { signal })
        const { id } = await replica.snapshot({ signal })
        await replica.compact(id, isInUse, { signal })
      },
    }),
  }
}

function* pages(keys: Iterable<string>): Generator<readonly string[]> {
  let page: string[] = []
  for (const key of keys) {
    page.push(key)
    if (page.length < PAGE) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

async function* dependents(lineage: Lineage, node: string, signal: AbortSignal): AsyncGenerator<readonly string[]> {
  for (let after: string | undefined; ; ) {
    const page = await lineage.dependents(node, { limit: PAGE, ...(after === undefined ? {} : { after }) }, { signal })
    yield page.keys
    if (page.next === undefined) return
    after = page.next
  }
}
