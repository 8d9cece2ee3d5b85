import { createMemoryRefreshQueue } from '../../../src/adapters/memory/refresh-queue.ts'
import { createPostgresSource } from '../../../src/adapters/postgres/source.ts'
import { systemEntropy as entropy, systemClock } from '../../../src/adapters/system/clock.ts'
import type { JsonValue } from '../../../src/entry/json.ts'
import { createKck } from '../../../src/kck/create-kck.ts'
import { string } from '../../../src/key/string-types.ts'
import type { Source } from '../../../src/ports/source.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createRegistry } from '../../../src/primer/create-registry.ts'
import { primer } from '../../../src/primer/primer.ts'
import { updater } from '../../../src/updater/updater.ts'

/** A row of `notes` for every write that took effect, so that one applied twice shows. */
export const SCHEMA = `create table notes (
  n serial primary key, topic text not null, note text not null check (note <> 'bad'))`

const notes = primer({
  name: 'notes',
  parameters: { topic: string() },
  async compute({ sql }, { topic }) {
    const rows = await sql<{ note: string }>('select note from notes where topic = :topic order by n', { topic })
    return rows.map((row) => row.note)
  },
})

const note = updater({
  name: 'note',
  key: { topic: string() },
  body: { note: string() },
  update: 'insert into notes (topic, note) values (:topic, :note) returning topic',
  changes: ['notes/:topic'],
  overlay: (value, { body }) => {
    const before = value as readonly JsonValue[]
    return before.includes(body.note) ? undefined : [...before, body.note]
  },
})

const registry = createRegistry({ primers: [notes], updaters: [note] })

export function postgresSource(connectionString: string): Source {
  return createPostgresSource({ name: 'main', connectionString })
}

/** One process of the system. `aheadMs`: its clock, before those of others. */
export function processOf(given: { readonly store: Store; readonly source: Source; readonly aheadMs?: number }) {
  const clock = { ...systemClock, now: () => systemClock.now() + (given.aheadMs ?? 0) }
  const { store, source } = given
  const queue = createMemoryRefreshQueue({ clock, entropy })
  const sources = new Map([['main', source]])
  const kck = createKck({ registry, store, queue, sources, clock, entropy, options: { nearCacheBytes: 0 } })
  return { kck, store, queue, sources, clock, entropy }
}
